#include "fod/dataset.hpp"
#include "fod/error.hpp"
#include "fod/model.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

/// Shows all layers of models to tests in Python, on the CPU:
///
///     fod_dump_taps < JOBS       each line: MODEL DATA.npy FOLDER
///
/// The dataset goes through the model as one batch. FOLDER gets `layers.tsv` (a line per layer:
/// name, aliases, type, element type, shape, batch extent, channel extent, calls, problem),
/// `0.npy`, `1.npy`, … (float32 values of the tappable ones, (samples, channels, positions), in
/// that order), and `plain.npy`, `tapped.npy`: the model's float32 output without and with taps. An
/// error is written to `error.txt` instead.
namespace {

std::string read_file(std::string const& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string numpy_header(fod::Shape const& shape) {
  auto text = fod::to_string(shape);
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': " + text + ", }";
  header.resize((header.size() + 10 + 64) / 64 * 64 - 11, ' ');
  header += '\n';
  auto const size = static_cast<std::uint16_t>(header.size());
  std::string magic = "\x93NUMPY\x01";
  magic += '\0';
  magic += static_cast<char>(size & 0xFFU);
  magic += static_cast<char>(size >> 8U);
  return magic + header;
}

void write_npy(std::string const& path, fod::Shape const& shape, std::vector<float> const& values) {
  std::ofstream file(path, std::ios::binary);
  file << numpy_header(shape);
  file.write(reinterpret_cast<char const*>(values.data()),
             static_cast<std::streamsize>(values.size() * sizeof(float)));
}

template <class T>
float element(void const* values, std::int64_t at) {
  return static_cast<float>(static_cast<T const*>(values)[at]);
}

float element(fod::ActivationView const& view, std::int64_t at) {
  if (view.type != fod::ElementType::float32 && view.type != fod::ElementType::float64) {
    throw fod::bad_input("fod_dump_taps reads float32 and float64 alone");
  }
  return view.type == fod::ElementType::float32 ? element<float>(view.values, at)
                                                : element<double>(view.values, at);
}

/// Rows of a layer, gathered as (samples, channels, positions).
struct Gathered {
  fod::Shape shape;
  std::vector<float> values;

  void take(fod::ActivationView const& view, std::int64_t first_row, std::int64_t batch) {
    shape = {batch, view.channels, view.positions};
    values.resize(static_cast<std::size_t>(fod::element_count(shape)));
    auto out = values.begin() + first_row * view.channels * view.positions;
    for (std::int64_t sample = 0; sample < view.samples; ++sample) {
      for (std::int64_t channel = 0; channel < view.channels; ++channel) {
        for (std::int64_t position = 0; position < view.positions; ++position) {
          *out++ = element(view, sample * view.sample_stride + channel * view.channel_stride +
                                     position * view.position_stride);
        }
      }
    }
  }
};

void write_layers(std::string const& path, std::vector<fod::Layer> const& layers) {
  std::ofstream file(path);
  for (auto const& layer : layers) {
    file << layer.name << '\t';
    for (auto const& alias : layer.aliases) {
      file << alias << ' ';
    }
    file << '\t' << layer.type << '\t' << fod::name_of(layer.element_type) << '\t'
         << fod::to_string(layer.shape) << '\t' << layer.batch_extent << '\t'
         << layer.channel_extent << '\t' << layer.calls << '\t' << layer.problem << '\n';
  }
}

void write_output(std::string const& path, fod::ModelOutput const& output) {
  auto const count = static_cast<std::size_t>(fod::element_count(output.shape));
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = element({output.values, output.type}, static_cast<std::int64_t>(i));
  }
  write_npy(path, output.shape, values);
}

void dump(std::string const& spec, std::string const& data, std::string const& folder) {
  auto const source = fod::open_source(data, "data");
  fod::ModelOptions options;
  options.sources.push_back({spec, fod::is_model_file(spec) ? read_file(spec) : std::string()});
  options.fields.push_back(source->field());
  options.batch_size = source->size();
  fod::Model model(options);
  source->read({0, source->size()}, model.input(0));
  static_cast<void>(model.find_input_types());
  model.begin_batch(0);
  for (int run = 0; run < 3; ++run) { // as often as with taps: profiling makes the first differ
    write_output(folder + "/plain.npy", model.forward(0));
  }
  auto const layers = model.find_layers(0);
  write_layers(folder + "/layers.tsv", layers);
  auto const chosen = fod::choose_layers(layers, {"*"});
  std::vector<Gathered> gathered(chosen.size());
  model.set_taps(chosen, [&](std::size_t tap, fod::ActivationView const& view,
                             std::int64_t first_row, fod::StreamView /*stream*/) {
    gathered[tap].take(view, first_row, source->size());
  });
  for (int run = 0; run < 3; ++run) {
    write_output(folder + "/tapped.npy", model.forward(0));
  }
  for (std::size_t i = 0; i < gathered.size(); ++i) {
    write_npy(folder + "/" + std::to_string(i) + ".npy", gathered[i].shape, gathered[i].values);
  }
}

} // namespace

int main() {
  // Read to its end before Python starts, which takes what is left of it for its own.
  std::istringstream jobs(std::string(std::istreambuf_iterator<char>(std::cin), {}));
  std::string spec;
  std::string data;
  std::string folder;
  while (jobs >> spec >> data >> folder) {
    std::error_code ignored;
    std::filesystem::create_directories(folder, ignored);
    try {
      dump(spec, data, folder);
    } catch (std::exception const& error) {
      std::ofstream(folder + "/error.txt") << error.what();
    }
  }
  return 0;
}
