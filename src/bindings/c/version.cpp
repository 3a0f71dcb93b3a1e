#include <backgrad/backgrad.h>

const char* backgrad_version(void) { return BACKGRAD_VERSION; }
