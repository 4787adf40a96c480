#pragma once

#include <string>

/// Requests from outside to stop, by signal.
namespace fod {

/// From now on SIGTERM, SIGINT and SIGUSR1 ask the process to stop in order: the first is noted, a
/// second one ends the process at once with exit code 3. The same signal again within half a second
/// is the same request, come by two ways (a launcher passes on what its ranks got too). A child
/// that is forked dies of them as before. SIGINT stays ignored where it was, as behind a shell's
/// `&`. To be called again where foreign code may have put handlers of its own in place.
void catch_stop_signals();

/// The signal that asked to stop; 0 if none did.
int stop_signal();

/// "SIGTERM".
std::string signal_name(int signal);

} // namespace fod
