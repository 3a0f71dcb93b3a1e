# Writes OUTPUT, a header with the revision of SOURCE, and leaves it alone if it has not changed.
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=40
                OUTPUT_VARIABLE revision OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE status ERROR_QUIET)
if(NOT status EQUAL 0)
  set(revision "unknown")
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#pragma once\n#define BACKGRAD_BENCH_REVISION \"${revision}\"\n")
