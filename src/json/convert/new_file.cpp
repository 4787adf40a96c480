#include "new_file.hpp"

#include "fod/json.hpp"
#include "fod/utf8.hpp"

namespace fod::json {

namespace {

store::Layout layout_of(NewFile const& file) {
  store::Layout layout;
  layout.grid = BlockGrid(file.samples, 64);
  layout.blocks = {0, layout.grid.block_count()};
  layout.classes = file.classes;
  layout.distribution_type = file.type;
  layout.explicit_ids = true;
  return layout;
}

std::string provenance_of(NewFile const& file) {
  auto const quoted = [](std::string const& text) {
    std::string out;
    append_string(out, repaired_utf8(text));
    return out;
  };
  Meta entries{{"tool", quoted(file.tool)}};
  if (!file.source.empty()) {
    entries.push_back({"source", quoted(file.source)});
  }
  entries.push_back({"precision", quoted("fp32")});
  entries.push_back({"output_mode", quoted("imported")});
  return to_text(entries);
}

} // namespace

void write_new_file(std::string const& path, NewFile const& file,
                    std::function<void(RowWriter&)> const& fill) {
  auto const layout = layout_of(file);
  store::Contents const contents{file.meta, provenance_of(file)};
  try {
    auto writer = store::ResultWriter::create(path, layout, contents, Comm::alone());
    RowWriter rows(writer, layout);
    fill(rows);
    writer.finish(contents, rows.metrics());
  } catch (...) {
    store::discard_partial(path); // it begins anew
    throw;
  }
}

} // namespace fod::json
