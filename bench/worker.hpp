#pragma once

namespace backgrad::bench {

/// True if the command line is that of a worker process, which WorkerProcess starts.
bool is_worker(int argc, char** argv);

/// Serves requests until there are no more.
int run_worker(int argc, char** argv);

}  // namespace backgrad::bench
