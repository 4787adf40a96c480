#include "layout.hpp"

#include "fod/error.hpp"

namespace fod::store {

namespace {
constexpr char const* activations_path = "/activations/";
}

std::string partial_path(std::string const& path) {
  return path + ".partial";
}

std::string state_path(std::string const& path) {
  return partial_path(path) + ".state";
}

std::vector<Section> sections(Layout const& layout) {
  std::vector<Section> all;
  if (layout.distributions) {
    all.push_back({"/distributions", layout.distribution_type, {layout.classes}});
  }
  all.push_back({"/sample_ids", ElementType::int64, {}});
  all.push_back({"/row_status", ElementType::uint8, {}});
  if (layout.uncertainty) {
    all.push_back({"/uncertainty/entropy", ElementType::float32, {}});
    all.push_back({"/uncertainty/confidence", ElementType::float32, {}});
    all.push_back({"/uncertainty/prediction", ElementType::int32, {}});
  }
  if (layout.uncertainty && layout.members > 1) {
    all.push_back({"/uncertainty/aleatoric", ElementType::float32, {}});
    all.push_back({"/uncertainty/epistemic", ElementType::float32, {}});
    all.push_back({"/uncertainty/disagreement", ElementType::float32, {}});
  }
  if (layout.labels) {
    all.push_back({"/labels", ElementType::int64,
                   layout.label_counts == 0 ? Shape{} : Shape{layout.label_counts}});
  }
  Shape const of_members{layout.members, layout.classes};
  if (layout.keep_members) {
    all.push_back({"/members", layout.distribution_type, of_members});
  }
  if (layout.keep_logits) {
    all.push_back(
        {"/logits", ElementType::float32, layout.members > 1 ? of_members : Shape{layout.classes}});
  }
  for (auto const& layer : layout.activations) {
    all.push_back({activations_path + layer.name, ElementType::float32, {layer.neurons}});
  }
  return all;
}

Ledger first_ledger(Layout const& layout) {
  return {"/ledger", sections(layout)};
}

Ledger second_ledger(std::vector<Section> sections) {
  return {"/ledger/second", std::move(sections)};
}

std::int64_t estimated_bytes(Layout const& layout) {
  std::int64_t bytes = 32768; // superblock, object headers, provenance
  for (auto const& section : sections(layout)) {
    auto const rows = section.row_bytes() * layout.samples().size();
    bytes += rows + 8 * layout.blocks.size() + (rows >= h5::stripe_bytes ? h5::stripe_bytes : 0);
  }
  return bytes;
}

std::vector<std::string> arrays_of(Ledger const& ledger) {
  std::vector<std::string> all{done_of(ledger), checksums_of(ledger)};
  if (is_first(ledger)) {
    all.insert(all.end(), {inputs_of(ledger), micro_batches_of(ledger)});
  }
  return all;
}

Shape shape_of(Section const& section, Layout const& layout) {
  auto const rows = layout.samples().size();
  if (section.path == "/distributions" && rows == 0) {
    return {0, 0};
  }
  return with_leading(rows, section.row);
}

void create_objects(h5::File& file, Layout const& layout, Ledger const& ledger) {
  std::vector<std::string> names;
  for (auto const& section : ledger.sections) {
    file.create_dataset(section.path, section.type, shape_of(section, layout));
    names.push_back(section.path);
  }
  file.write_texts(names_of(ledger), names);
  auto const blocks = layout.blocks.size();
  auto const count = ledger.sections.size();
  auto done = file.create_dataset(done_of(ledger), ElementType::uint8, {blocks});
  auto checksums = file.create_dataset(checksums_of(ledger), ElementType::uint64,
                                       {blocks, static_cast<std::int64_t>(count)});
  std::vector<std::uint64_t> const zeros(static_cast<std::size_t>(blocks) * count, 0);
  done.write({0, blocks}, ElementType::uint8, zeros.data());
  checksums.write({0, blocks}, ElementType::uint64, zeros.data());
  if (is_first(ledger)) {
    for (auto const& path : {inputs_of(ledger), micro_batches_of(ledger)}) {
      auto const type = path == inputs_of(ledger) ? ElementType::uint64 : ElementType::int64;
      file.create_dataset(path, type, {blocks}).write({0, blocks}, type, zeros.data());
    }
  }
}

void write_layout(h5::File& file, Layout const& layout) {
  auto const set = [&](char const* name, h5::Attribute const& value) {
    file.set_attribute("/", name, value);
  };
  set("format", std::string("fod result"));
  set("schema", schema_version);
  set("complete", std::int64_t{0});
  set("dataset_size", layout.grid.samples());
  set("batch_size", layout.grid.batch_size());
  set("block_size", layout.grid.block_size());
  set("block_begin", layout.blocks.begin);
  set("block_end", layout.blocks.end);
  set("classes", layout.classes);
  if (layout.members > 1) {
    set("members", layout.members);
  }
  if (!layout.distributions) {
    set("distributions", std::int64_t{0});
  }
  set("sum_tolerance", layout.sum_tolerance);
  set("sample_ids", std::string(layout.explicit_ids ? "explicit" : "range"));
  if (layout.is_shard()) {
    set("shard", layout.shard);
    set("shards", layout.shards);
  }
}

namespace {

std::int64_t integer(h5::File const& file, char const* name) {
  if (file.has_attribute("/", name)) {
    auto const value = file.attribute("/", name);
    if (auto const* number = std::get_if<std::int64_t>(&value)) {
      return *number;
    }
  }
  throw bad_input(file.path() + " is no result file of fod",
                  "it has no whole number as attribute `" + std::string(name) + "`",
                  "give a file written by fod-generate, fod import or fod merge");
}

/// What a file claims is the size of much that is kept in memory, so it must be in proportion to
/// the file: eight bytes are stored of a sample and of a block, four of a class, or deflated ones.
void require_plausible(Layout const& layout, h5::File const& file) {
  auto const most = 1024 + 1032 / 8 * file.bytes();
  for (auto const claim : {layout.samples().size(), layout.blocks.size(), layout.classes,
                           layout.members, layout.label_counts}) {
    if (claim > most) {
      throw bad_input(file.path() + " is damaged",
                      "its " + std::to_string(file.bytes()) +
                          " bytes cannot hold what it claims, " + std::to_string(claim) +
                          " samples, blocks or classes",
                      "make it again, or restore it from a backup");
    }
  }
}

void require_sane(Layout const& layout, std::int64_t block_size, std::string const& path) {
  auto const& grid = layout.grid;
  constexpr std::int64_t most = std::int64_t{1} << 31;
  auto const in_range = [](std::int64_t value, std::int64_t least) {
    return least <= value && value <= most;
  };
  bool const sane = 0 <= layout.shard && (layout.shard < layout.shards || layout.shards == 0) &&
                    in_range(layout.shards, 0) && in_range(layout.classes, 0) &&
                    in_range(layout.members, 1) && in_range(layout.label_counts, 0) &&
                    block_size == grid.block_size() && 0 <= layout.blocks.begin &&
                    layout.blocks.begin <= layout.blocks.end &&
                    layout.blocks.end <= grid.block_count();
  if (!sane) {
    throw bad_input(path + " is damaged", "its block grid contradicts itself",
                    "make it again, or restore it from a backup");
  }
}

bool has_explicit_ids(h5::File const& file) {
  if (!file.has_attribute("/", "sample_ids")) {
    return false;
  }
  auto const kind = file.attribute("/", "sample_ids");
  if (kind != h5::Attribute("explicit") && kind != h5::Attribute("range")) {
    throw bad_input(file.path() + " is damaged", "it does not say what its sample ids are",
                    "make it again, or restore it from a backup");
  }
  return kind == h5::Attribute("explicit");
}

/// Sections of an extent per row that the file itself tells, in the order of the ledger.
std::vector<Section> sections_named(h5::File const& file, std::string const& names,
                                    std::string const& under) {
  std::vector<Section> all;
  if (!file.contains(names)) {
    return all;
  }
  for (auto const& path : file.read_texts(names)) {
    if (path.starts_with(under)) {
      // One that is missing is found where it is looked for.
      auto const there = file.contains(path) && !file.dataset(path).shape().empty();
      auto const shape = there ? file.dataset(path).shape() : Shape{0};
      all.push_back({path,
                     there ? file.dataset(path).type() : ElementType::float32,
                     {shape.begin() + 1, shape.end()}});
    }
  }
  return all;
}

} // namespace

std::vector<Ledger> read_ledgers(h5::File const& file, Layout const& layout) {
  std::vector<Ledger> all{first_ledger(layout)};
  auto second = second_ledger({});
  if (file.contains(second.path)) {
    second.sections = sections_named(file, names_of(second), "/");
    all.push_back(std::move(second));
  }
  return all;
}

Layout read_layout(h5::File const& file) {
  if (auto const schema = integer(file, "schema"); schema != schema_version) {
    throw bad_input(file.path() + " has schema " + std::to_string(schema),
                    "this program knows schema " + std::to_string(schema_version),
                    "use the version of fod that wrote it, or a newer one");
  }
  auto const samples = integer(file, "dataset_size");
  auto const batch = integer(file, "batch_size");
  constexpr auto largest = std::int64_t{1} << 48;
  if (samples < 0 || samples > largest || batch < 1 || batch > largest) {
    throw bad_input(file.path() + " is damaged", "its number of samples or batch size is absurd",
                    "make it again, or restore it from a backup");
  }
  Layout layout;
  layout.grid = BlockGrid(samples, batch);
  layout.blocks = {integer(file, "block_begin"), integer(file, "block_end")};
  layout.classes = integer(file, "classes");
  layout.labels = file.contains("/labels");
  if (layout.labels && file.dataset("/labels").shape().size() > 1) {
    layout.label_counts = file.dataset("/labels").shape()[1];
  }
  layout.members = file.has_attribute("/", "members") ? integer(file, "members") : 1;
  layout.keep_members = file.contains("/members");
  layout.keep_logits = file.contains("/logits");
  layout.distributions = !file.has_attribute("/", "distributions");
  if (file.has_attribute("/", "shards")) {
    layout.shard = integer(file, "shard");
    layout.shards = integer(file, "shards");
  }
  for (auto const& section : sections_named(file, names_of(first_ledger({})), activations_path)) {
    auto const neurons = section.row.empty() ? 0 : section.row[0];
    layout.activations.push_back(
        {section.path.substr(std::string_view(activations_path).size()), neurons});
  }
  require_sane(layout, integer(file, "block_size"), file.path());
  require_plausible(layout, file);
  layout.uncertainty = file.contains("/uncertainty");
  auto const as_number = [&](char const* name, double otherwise) {
    auto const value = file.has_attribute("/", name) ? file.attribute("/", name) : otherwise;
    auto const* number = std::get_if<double>(&value);
    return number == nullptr ? otherwise : *number;
  };
  layout.sum_tolerance = as_number("sum_tolerance", layout.sum_tolerance);
  layout.explicit_ids = has_explicit_ids(file);
  if (file.contains("/distributions")) {
    layout.distribution_type = file.dataset("/distributions").type();
  }
  return layout;
}

} // namespace fod::store
