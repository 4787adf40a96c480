#include "formats.hpp"
#include "npy_header.hpp"
#include "rows.hpp"

#include "fod/error.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <string_view>
#include <utility>

namespace fod {

namespace {

struct StoredType {
  ElementType type;
  bool swapped;
};

/// NumPy's letter and size of the types that are read.
struct KnownType {
  std::string_view code;
  ElementType type;
};
constexpr std::array known_types{
    KnownType{"b1", ElementType::boolean}, KnownType{"i1", ElementType::int8},
    KnownType{"i2", ElementType::int16},   KnownType{"i4", ElementType::int32},
    KnownType{"i8", ElementType::int64},   KnownType{"u1", ElementType::uint8},
    KnownType{"u2", ElementType::uint16},  KnownType{"u4", ElementType::uint32},
    KnownType{"u8", ElementType::uint64},  KnownType{"f2", ElementType::float16},
    KnownType{"f4", ElementType::float32}, KnownType{"f8", ElementType::float64}};

/// Kinds of elements that are refused, by NumPy's letter.
struct RefusedKind {
  char letter;
  std::string_view what;
  std::string_view remedy;
};
constexpr std::array refused_kinds{
    RefusedKind{'O', "Python objects, a pickle that would run code",
                "save an array of numbers, numpy.save('x.npy', numpy.stack(a).astype('float32'))"},
    RefusedKind{'V', "raw bytes, as bfloat16 is saved",
                "save it as float32, numpy.save('x.npy', a.astype('float32'))"},
    RefusedKind{'c', "complex numbers",
                "save real and imaginary parts, numpy.save('x.npy', "
                "numpy.stack([a.real, a.imag], axis=1))"},
    RefusedKind{'S', "strings", "save them as numbers, numpy.unique(a, return_inverse=True)[1]"},
    RefusedKind{'U', "strings", "save them as numbers, numpy.unique(a, return_inverse=True)[1]"},
    RefusedKind{'M', "dates", "save them as numbers, a.astype('int64')"},
    RefusedKind{'m', "time spans", "save them as numbers, a.astype('int64')"},
    RefusedKind{'f', "floats of an unusual width", "save it as a.astype('float64')"}};

StoredType stored_type(std::string const& path, std::string_view descr) {
  constexpr bool native_is_big = std::endian::native == std::endian::big;
  bool const has_order =
      !descr.empty() && std::string_view("<>|=").find(descr[0]) != std::string_view::npos;
  auto const code = descr.substr(has_order ? 1 : 0);
  for (auto const& known : known_types) {
    if (known.code == code) {
      bool const swapped = descr[0] == (native_is_big ? '<' : '>');
      return {known.type, swapped};
    }
  }
  auto const dtype = "dtype '" + quoted_part(descr) + "'";
  for (auto const& kind : refused_kinds) {
    if (code.starts_with(kind.letter)) {
      throw bad_input(path + " holds " + std::string(kind.what), dtype, std::string(kind.remedy));
    }
  }
  throw bad_input(path + " holds elements of an unknown kind", dtype,
                  "save it as bool, an integer type, float16, float32 or float64");
}

void check_size(MappedFile const& file, Rows const& rows, NpyHeader const& header) {
  auto const has = file.bytes().size() - header.data_offset;
  auto const needs = static_cast<std::size_t>(rows.bytes);
  if (has == needs) {
    return;
  }
  throw bad_input(file.path() + (has < needs ? " is truncated" : " has bytes left over"),
                  "shape " + to_string(header.shape) + " of " +
                      std::string(name_of(rows.field.type)) + " takes " + std::to_string(needs) +
                      " bytes, the file has " + std::to_string(has) + " after its header",
                  has < needs ? "copy or write it again" : "save one array per file");
}

} // namespace

bool is_npy(std::span<std::byte const> bytes) {
  constexpr std::array<unsigned char, 6> magic{0x93, 'N', 'U', 'M', 'P', 'Y'};
  return bytes.size() >= magic.size() &&
         std::equal(magic.begin(), magic.end(), bytes.begin(),
                    [](unsigned char a, std::byte b) { return std::byte{a} == b; });
}

std::unique_ptr<DataSource> open_npy(MappedFile file, std::string name) {
  auto const& path = file.path();
  auto const header = parse_npy_header(path, file.bytes());
  auto const stored = stored_type(path, header.descr);
  if (header.fortran_order) {
    throw bad_input(path + " is stored in Fortran order", "the bytes of a sample lie apart",
                    "save it as numpy.save('x.npy', numpy.ascontiguousarray(a))");
  }
  auto rows = rows_of(path, {std::move(name), stored.type, {}}, header.shape);
  check_size(file, rows, header);
  auto where = path;
  return std::make_unique<RowSource>(std::move(where), std::move(rows), std::move(file),
                                     header.data_offset, stored.swapped);
}

} // namespace fod
