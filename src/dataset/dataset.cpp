#include "fod/dataset.hpp"

#include "formats.hpp"

#include "fod/error.hpp"
#include "fod/text.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

namespace fod {

namespace {

bool is_identifier(std::string_view text) {
  auto const is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  auto const is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return !text.empty() && is_letter(text[0]) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return is_letter(c) || is_digit(c); });
}

/// Whether the file of a source (the part before ":/", if any) is there.
bool file_exists(std::string const& spec) {
  std::error_code ignored;
  return std::filesystem::exists(spec, ignored) ||
         std::filesystem::exists(spec.substr(0, spec.find(":/")), ignored);
}

void check_unique(std::vector<std::string> const& names, std::string const& option,
                  std::string const& remedy) {
  std::set<std::string> seen;
  for (auto const& name : names) {
    if (!seen.insert(name).second) {
      throw bad_input(option + " has '" + name + "' twice", "given were " + joined(names), remedy);
    }
  }
}

/// The arguments parted, each with a name.
std::vector<SourceSpec> named(std::vector<std::string> const& arguments) {
  if (arguments.empty()) {
    throw bad_input("there is no data", "no --data was given", "give one, --data x.npy");
  }
  std::vector<SourceSpec> specs;
  std::vector<std::string> names;
  int unnamed = 0;
  for (auto const& argument : arguments) {
    auto spec = parse_source(argument);
    if (spec.name.empty()) {
      spec.name = unnamed == 0 ? "data" : "data" + std::to_string(unnamed);
      ++unnamed;
    }
    names.push_back(spec.name);
    specs.push_back(std::move(spec));
  }
  check_unique(names, "--data", "give each input a name of its own, --data name=x.npy");
  return specs;
}

/// What one --data holds. @param prefixed see `open_python`
OpenedData open(SourceSpec const& spec, bool prefixed, DataNeeds const& needs) {
  if (python::is_python(spec.spec)) {
    return open_python(spec.spec, spec.name, prefixed, needs.python);
  }
  return {{open_source(spec.spec, spec.name, needs.images)}, {}, {}};
}

/// @param sources the first field of each of `specs`
std::int64_t common_size(Sources const& sources, std::vector<SourceSpec> const& specs) {
  auto const size = sources[0]->size();
  if (std::all_of(sources.begin(), sources.end(),
                  [&](auto const& source) { return source->size() == size; })) {
    return size;
  }
  std::vector<std::string> sizes;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    sizes.push_back(specs[i].name + " has " + std::to_string(sources[i]->size()) + " in " +
                    specs[i].spec);
  }
  throw bad_input("the inputs differ in their number of samples", joined(sizes),
                  "give files over the same samples, in the same order");
}

/// Refuses options that would do nothing.
void check_image_options(ImageOptions const& images, std::vector<SourceSpec> const& specs) {
  if (images.given() && std::none_of(specs.begin(), specs.end(), [](SourceSpec const& source) {
        return is_image_folder(source.spec);
      })) {
    throw bad_input("there are no images to resize, crop, convert or skip",
                    "no --data is a folder of images",
                    "leave --resize, --crop, --image-mode and --skip-bad out");
  }
}

std::vector<std::string> names_of(Sources const& sources) {
  std::vector<std::string> names;
  for (auto const& source : sources) {
    names.push_back(source->field().name);
  }
  return names;
}

/// The field with that name; null if there is none.
std::shared_ptr<DataSource> find(Sources const& sources, std::string const& name) {
  auto const found = std::find_if(sources.begin(), sources.end(),
                                  [&](auto const& source) { return source->field().name == name; });
  return found == sources.end() ? nullptr : *found;
}

/// Leaves out the fields with these names.
void drop(Sources& sources, std::vector<std::string> const& names) {
  std::erase_if(sources, [&](auto const& source) {
    return std::find(names.begin(), names.end(), source->field().name) != names.end();
  });
}

/// Position of the input called `name`, which `option` asks for.
std::size_t position_of(std::string const& name, Sources const& sources,
                        std::string const& option) {
  auto const names = names_of(sources);
  auto const found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) {
    return static_cast<std::size_t>(found - names.begin());
  }
  auto const near = nearest_name(name, names);
  throw bad_input(option + " names '" + name + "', which is no input", "there are " + joined(names),
                  near.empty() ? "name one of these" : "did you mean '" + near + "'?");
}

/// Takes the inputs at `positions` out, in that order; null is left in their places.
Sources take(Sources& sources, std::vector<std::size_t> const& positions) {
  Sources taken;
  for (auto const position : positions) {
    taken.push_back(std::move(sources[position]));
  }
  return taken;
}

std::vector<std::size_t> positions_of(std::vector<std::string> const& names, Sources const& sources,
                                      std::string const& option) {
  check_unique(names, option, "name each input once");
  std::vector<std::size_t> positions;
  for (auto const& name : names) {
    positions.push_back(position_of(name, sources, option));
  }
  return positions;
}

/// The inputs with those called `joined` as one, at the place of the first.
Sources join(Sources sources, std::vector<std::string> const& joined) {
  auto const positions = positions_of(joined, sources, "--concat");
  auto parts = take(sources, positions);
  sources[positions[0]] = concatenate(std::move(parts));
  std::erase(sources, nullptr);
  return sources;
}

} // namespace

SourceSpec parse_source(std::string const& argument) {
  auto const equals = argument.find('=');
  if (equals == std::string::npos || !is_identifier(argument.substr(0, equals))) {
    return {{}, argument};
  }
  SourceSpec parted{argument.substr(0, equals), argument.substr(equals + 1)};
  // A path may begin like a name, "split=train/x.npy".
  if (!file_exists(parted.spec) && file_exists(argument)) {
    return {{}, argument};
  }
  return parted;
}

Dataset::Dataset(std::vector<std::string> const& arguments,
                 std::vector<std::string> const& selected, std::int64_t max_samples,
                 std::vector<std::string> const& joined, DataNeeds const& needs) {
  auto const specs = named(arguments);
  check_image_options(needs.images, specs);
  bool const prefixed = specs.size() > 1 || !parse_source(arguments[0]).name.empty();
  Sources first;
  std::vector<std::string> class_indices;
  for (auto const& spec : specs) {
    auto opened = open(spec, prefixed, needs);
    first.push_back(opened.sources[0]);
    sources_.insert(sources_.end(), opened.sources.begin(), opened.sources.end());
    if (!opened.label.empty()) {
      class_indices.push_back(opened.label);
    }
    if (!opened.note.empty()) {
      notes_.push_back(spec.spec + ": " + opened.note);
    }
  }
  source_size_ = common_size(first, specs);
  size_ = max_samples < 0 ? source_size_ : std::min(max_samples, source_size_);
  check_unique(names_of(sources_), "--data", "give each input a name of its own");
  labels_ = find(sources_, needs.labels);
  if (needs.labels.empty() && !class_indices.empty()) {
    labels_ = find(sources_, class_indices[0]);
  }
  fields_unknown_ = source_size_ == 0 && std::any_of(specs.begin(), specs.end(), [](auto& spec) {
                      return python::is_python(spec.spec);
                    });
  if (fields_unknown_) {
    return;
  }
  if (!selected.empty()) {
    sources_ = take(sources_, positions_of(selected, sources_, "--input"));
  } else {
    drop(sources_, class_indices);
    drop(sources_, {needs.labels});
    if (sources_.empty()) {
      throw bad_input("there is no input", "the only field is that of the labels",
                      "give data, or name the field with --input too");
    }
  }
  if (!joined.empty()) {
    sources_ = join(std::move(sources_), joined);
  }
}

Dataset::Dataset(std::shared_ptr<DataSource> source, std::shared_ptr<DataSource> labels,
                 std::int64_t max_samples)
    : sources_{std::move(source)}, labels_(std::move(labels)), size_(sources_[0]->size()),
      source_size_(size_) {
  size_ = max_samples < 0 ? size_ : std::min(max_samples, size_);
}

std::vector<FieldSpec> Dataset::fields() const {
  std::vector<FieldSpec> fields;
  for (auto const& source : sources_) {
    fields.push_back(source->field());
  }
  return fields;
}

std::vector<std::int64_t> Dataset::unreadable(IndexRange range) const {
  return unreadable_of(sources_, range);
}

int Dataset::reading_threads() const {
  return reading_threads_of(sources_);
}

std::string Dataset::sample_name(std::int64_t sample) const {
  auto const name = sample_name_of(sources_, sample);
  return "sample " + std::to_string(sample) + (name.empty() ? "" : " (" + name + ")");
}

std::vector<std::string> Dataset::class_names() const {
  return class_names_of(sources_);
}

std::vector<std::string> Dataset::descriptions() const {
  std::vector<std::string> all;
  for (auto const& source : sources_) {
    if (auto text = source->description(); !text.empty()) {
      all.push_back(std::move(text));
    }
  }
  return all;
}

} // namespace fod
