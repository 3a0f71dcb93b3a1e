# Installs BUILD elsewhere and moves the result to PREFIX: a prefix that holds its own path would break here.
file(REMOVE_RECURSE ${PREFIX} ${PREFIX}.elsewhere)
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${PREFIX}.elsewhere COMMAND_ERROR_IS_FATAL ANY)
file(RENAME ${PREFIX}.elsewhere ${PREFIX})
