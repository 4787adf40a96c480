// The sums that are saved beside a partial file: damaged ones are left out, and their blocks done
// again.
#include "fuzz.hpp"

#include "fod/layer_groups.hpp"
#include "fod/saved_sums.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  fuzz::Input const input(data, size);
  fuzz::put("r.h5.partial.state/moments-0-0.h5", input.rest());
  fod::store::SavedSums sums(fuzz::scratch("r.h5"), "moments", "seed");
  sums.load(
      [](fod::h5::File const& file) { static_cast<void>(fod::store::read_moments(file, "fc")); });
  return 0;
}
