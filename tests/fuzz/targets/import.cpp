// `fod import`: what it takes is a valid result file, which exports again.
#include "fuzz.hpp"

#include "fod/convert.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  fuzz::Input const input(data, size);
  auto const in = fuzz::put("in.json", input.rest());
  auto const out = fuzz::scratch("imported.h5");
  for (bool const lenient : {false, true}) {
    bool written = false;
    fuzz::taken([&] { written = fod::import_json(in, out, {true, lenient}).written; });
    if (written) {
      fod::store::ResultReader const reader(out);
      fuzz::require(reader.complete(), "an imported file is complete");
      fod::export_json(reader, fuzz::scratch("out.json"), {false, true});
    }
  }
  return 0;
}
