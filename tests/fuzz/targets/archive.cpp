// The directory of a zip, which tells what a model file is.
#include "fuzz.hpp"

#include "model/archive.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  fuzz::Input const input(data, size);
  fuzz::taken([&] {
    std::size_t sum = 0;
    for (auto const& record : fod::read_archive("m.pt", input.rest())) {
      for (char const byte : record.name) {
        sum += static_cast<unsigned char>(byte);
      }
      sum += record.bytes.empty() ? 0 : static_cast<unsigned char>(record.bytes.back());
    }
    volatile auto const read = sum; // every record is within the file
    static_cast<void>(read);
  });
  return 0;
}
