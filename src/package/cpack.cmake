# One Debian package with everything that is installed: `cpack` in the build folder.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME backgrad)
set(CPACK_PACKAGE_CONTACT "The backgrad authors <backgrad@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
# The runtimes that libraries and tools name, with the versions they need. The static library and backgrad/tbb.hpp need
# oneTBB's headers on top.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
if(BACKGRAD_TBB)
  set(CPACK_DEBIAN_PACKAGE_DEPENDS libtbb-dev)
endif()
include(CPack)
