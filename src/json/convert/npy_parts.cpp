#include "parts.hpp"

#include "fod/error.hpp"

namespace fod {

namespace {

std::string descriptor(ElementType type) {
  switch (type) {
  case ElementType::float32:
    return "<f4";
  case ElementType::float64:
    return "<f8";
  case ElementType::int32:
    return "<i4";
  case ElementType::int64:
    return "<i8";
  case ElementType::uint8:
    return "|u1";
  default:
    throw bad_input("cannot export a section of " + std::string(name_of(type)),
                    "no such numbers are known in result files", "export it without --all");
  }
}

} // namespace

std::string npy_header(ElementType type, Shape const& shape) {
  std::string text = "{'descr': '" + descriptor(type) +
                     "', 'fortran_order': False, 'shape': " + to_string(shape) + ", }";
  constexpr std::size_t before = 10;
  text.append(63 - (before + text.size()) % 64, ' ');
  text += '\n';
  auto const length = text.size();
  std::string magic("\x93NUMPY\x01\x00", 8);
  magic += static_cast<char>(length % 256);
  magic += static_cast<char>(length / 256);
  return magic + text;
}

namespace json {

std::vector<Part> npy_parts(store::ResultReader const& reader, store::Section const& section,
                            bool float32) {
  auto const type = float32 && is_floating(section.type) ? ElementType::float32 : section.type;
  Part part;
  part.before = npy_header(type, with_leading(reader.rows(), section.row));
  part.columns = {{section.path, type, section.row}};
  part.form = [](Slice const& slice, Text& text) {
    text.append_bytes(slice.columns[0].data(), slice.columns[0].size());
  };
  return {part};
}

} // namespace json
} // namespace fod
