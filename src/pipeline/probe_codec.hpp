#pragma once

#include "probe.hpp"

#include <string>

/// Inside of the pipeline: what rank 0 decided at the probe, on its way to the others.
namespace fod {

std::string encode_probe(ProbeResult const& result);
/// Without what each rank knows by itself: transforms, and the digest of the data.
ProbeResult decode_probe(std::string const& text);

} // namespace fod
