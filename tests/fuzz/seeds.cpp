// Writes inputs that only our own writers make, a folder per target: fuzz_seeds FOLDER
#include "store/undo.hpp"

#include "fod/event_file.hpp"
#include "fod/layer_groups.hpp"
#include "fod/saved_sums.hpp"

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace {

namespace fs = std::filesystem;
namespace store = fod::store;

fod::Moments some_moments() {
  fod::Moments moments;
  moments.neurons = 3;
  moments.classes = 2;
  moments.scale = {{0, 1, 2}, {1, 0.5, 2}, 20, 24};
  for (auto& half : moments.halves) {
    half.count = 4;
    half.blocks = 1;
    half.sums.low = {1, 2, 3};
    half.products.low = {7, 1, 2, 8, 3, 9};
  }
  moments.halves[1].sums.high = {0, 1, 0};
  moments.smallest = {0, -1, -2};
  moments.largest = {1, 2, 3};
  moments.class_counts = {5, 3};
  moments.class_sums = {1, 2, 3, 4, 5, 6};
  moments.class_missing = {0, 0, 1};
  return moments;
}

store::LayerGroups some_groups() {
  store::NeuronGroup group;
  group.neurons = {0, 2};
  group.loadings = {0.8, 0.6};
  group.class_mean = {0.5, 0.25};
  group.skill_category = "logic";
  store::LayerGroups layer;
  layer.layer = "fc";
  layer.type = "Linear";
  layer.method = "kmeans";
  layer.class_by = "label";
  layer.samples = 8;
  layer.groups = {group};
  layer.ungrouped = {1};
  layer.neuron_mean = {0, 1, 2};
  layer.neuron_std = {1, 1, 0};
  return layer;
}

void write_groups(fod::h5::File& file) {
  store::write_layer(file, some_groups());
  store::write_correlation(file, "fc", std::array{1.F, 0.F, 0.5F, 0.F, 1.F, 0.F, 0.5F, 0.F, 1.F},
                           3);
  store::write_moments(file, "fc", some_moments());
  fod::events::EventLog log({1}, 2, {0, 8}, 5);
  for (std::int64_t sample = 0; sample < 8; ++sample) {
    log.add(0, sample, std::array{static_cast<float>(sample)}, 0, 1, 0, 0.5);
  }
  store::write_events(file, log, {{"fc"}, {0}, {"art", "logic"}});
}

/// Rows of zeros; (1, 0) as distributions.
void write_rows(store::ResultWriter& writer, store::Layout const& layout) {
  auto const sections = store::sections(layout);
  for (auto block = layout.blocks.begin; block < layout.blocks.end; ++block) {
    auto const rows = layout.grid.samples_of(block);
    for (std::size_t s = 0; s < sections.size(); ++s) {
      std::vector<double> bytes(static_cast<std::size_t>(rows.size() * sections[s].row_bytes()));
      if (sections[s].path == "/distributions") {
        auto* value = reinterpret_cast<float*>(bytes.data());
        for (std::int64_t row = 0; row < rows.size(); ++row, value += layout.classes) {
          *value = 1;
        }
      } else if (sections[s].path == "/sample_ids") {
        auto* id = reinterpret_cast<std::int64_t*>(bytes.data());
        for (auto row = rows.begin; row < rows.end; ++row) {
          *id++ = row;
        }
      }
      writer.write(s, rows, bytes.data());
    }
    writer.complete_block(block);
  }
}

void write_result(std::string const& path, store::Layout layout, bool complete) {
  layout.grid = fod::BlockGrid(8, 4);
  layout.blocks = {0, layout.grid.block_count()};
  layout.classes = 2;
  store::Contents const contents{
      R"({"model_name": "m", "x": [1, null]})",
      R"({"program": "seeds", "argv": ["a", "b"], "shards": [[0, 8]], "precision": "fp32",
          "settings": ["--model=m", "--seed=0"], "seconds": 1.5})"};
  auto writer = store::ResultWriter::create(path, layout, contents, fod::Comm::alone());
  write_rows(writer, layout);
  if (complete) {
    writer.finish(
        contents, {{{"accuracy", 0.5}}, {8, 0}},
        layout.labels ? write_groups : [](fod::h5::File&) {});
  } else {
    writer.suspend();
  }
}

void write_results(fs::path const& folder) {
  store::Layout const plain;
  write_result(folder / "plain.h5", plain, true);
  store::Layout full;
  full.labels = true;
  full.label_counts = 3;
  full.members = 2;
  full.keep_members = true;
  full.keep_logits = true;
  full.activations = {{"fc", 3}};
  write_result(folder / "full.h5", full, true);
  write_result(folder / "part.h5", plain, false);
  fs::rename(folder / "part.h5.partial", folder / "stopped.h5");
}

void write_sums(fs::path const& folder) {
  auto const result = folder / "r.h5";
  store::SavedSums const sums(result, "moments", "seed");
  sums.save(0, {{0, 2}, {5, 6}},
            [](fod::h5::File& file) { store::write_moments(file, "fc", some_moments()); });
  auto const state = fs::path(store::state_path(result));
  fs::rename(state / "moments-0-0.h5", folder / "moments.h5");
  fs::remove(state);
}

/// Without the checksum at the end: the target adds it where the first byte is even.
void write_undo(fs::path const& folder) {
  auto const plain = (folder / "file").string();
  std::ofstream(plain) << "what was there before, twenty times and more";
  store::save_undo(plain, {{4, 10}, {20, 28}}, folder / "copy");
  std::ifstream copy(folder / "copy", std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(copy)), {});
  std::ofstream(folder / "whole", std::ios::binary) << '\1' << bytes;
  bytes.resize(bytes.size() - sizeof(std::uint64_t));
  std::ofstream(folder / "mended", std::ios::binary) << '\0' << bytes;
  fs::remove(plain);
  fs::remove(folder / "copy");
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: fuzz_seeds FOLDER\n", stderr);
    return 2;
  }
  fs::path const folder = argv[1];
  for (auto const* target : {"h5_result", "h5_sums", "undo"}) {
    fs::remove_all(folder / target);
    fs::create_directories(folder / target);
  }
  write_results(folder / "h5_result");
  write_sums(folder / "h5_sums");
  write_undo(folder / "undo");
}
