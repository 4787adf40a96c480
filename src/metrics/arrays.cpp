#include "arrays.hpp"

#include "fod/elements.hpp"
#include "fod/error.hpp"
#include "fod/text.hpp"

#include <vector>

namespace fod::metrics {

namespace {

std::string expected_shape(Shape const& extents) {
  std::string text = "(N";
  for (auto const extent : extents) {
    text += "," + (extent < 0 ? std::string("V") : std::to_string(extent));
  }
  return text + ")";
}

bool fits(Shape const& row, Shape const& extents) {
  bool same = row.size() == extents.size();
  for (std::size_t i = 0; same && i < row.size(); ++i) {
    same = extents[i] < 0 ? row[i] > 0 : row[i] == extents[i];
  }
  return same;
}

} // namespace

SampleArray::SampleArray(std::string const& flag, std::string const& spec, Shape const& extents,
                         store::ResultReader const& reader)
    : name_(flag + " " + spec), source_(open_source(spec, flag)) {
  auto const& layout = reader.layout();
  bool const of_dataset = !layout.explicit_ids && source_->size() == layout.grid.samples();
  if (!of_dataset && source_->size() != reader.rows()) {
    throw bad_input(name_ + " has " + counted(source_->size(), "row"),
                    reader.path() + " has " + counted(reader.rows(), "sample"),
                    "give one row per sample of the file, in its order");
  }
  if (!fits(row(), extents)) {
    throw bad_input(name_ + " has the shape " + to_string(with_leading(source_->size(), row())),
                    expected_shape(extents) + " is needed, K = " +
                        std::to_string(reader.classes()) + " classes as in " + reader.path(),
                    "save it so");
  }
  auto const type = source_->field().type;
  if (type == ElementType::float16 || type == ElementType::bfloat16) {
    throw bad_input(name_ + " holds numbers of 16 bits", "they are too coarse to be compared",
                    "save it as float32 or float64, x.astype('float32')");
  }
  offset_ = of_dataset ? layout.samples().begin : 0;
}

void SampleArray::read(IndexRange rows, std::span<double> out) const {
  auto const type = source_->field().type;
  std::vector<std::byte> bytes(out.size() * size_of(type));
  source_->read({rows.begin + offset_, rows.end + offset_}, bytes);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = stored(type, bytes.data() + i * size_of(type)).value;
  }
}

} // namespace fod::metrics
