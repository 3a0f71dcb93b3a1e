#ifndef BACKGRAD_EXPORT_H
#define BACKGRAD_EXPORT_H

/* What the shared library shows. It is compiled with hidden visibility, so that nothing else leaves it; a plan's
   implementation is hidden again, because a member takes the visibility of its class. */
#define BACKGRAD_EXPORT __attribute__((visibility("default")))
#define BACKGRAD_HIDDEN __attribute__((visibility("hidden")))

#endif
