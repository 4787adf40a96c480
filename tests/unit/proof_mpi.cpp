#include "fod/error.hpp"
#include "fod/totals_by_parts.hpp"
#include "store_mpi_support.hpp"

#include <catch2/catch.hpp>

#include <array>

using fod::Comm;
using fod::IndexRange;
namespace store = fod::store;

namespace {

/// A number of a sample's row, in the section's type.
template <class T>
void append(std::vector<std::byte>& bytes, T value) {
  auto const* const from = reinterpret_cast<std::byte const*>(&value);
  bytes.insert(bytes.end(), from, from + sizeof value);
}

std::vector<std::byte> made_up(store::Section const& section, IndexRange samples) {
  std::vector<std::byte> bytes;
  for (auto id = samples.begin; id < samples.end; ++id) {
    auto const share = static_cast<float>(id % 97) / 128;
    if (section.path == "/row_status") {
      append(bytes, static_cast<std::uint8_t>(id % 1009 == 7));
    } else if (section.path == "/uncertainty/prediction") {
      append(bytes, static_cast<std::int32_t>(id % 2));
    } else if (section.type == fod::ElementType::int64) { // ids, labels
      append(bytes, section.path == "/sample_ids" ? id : id % 3 - 1);
    } else if (section.row.empty()) {
      append(bytes, share);
    } else {
      append(bytes, share);
      append(bytes, 1 - share);
    }
  }
  return bytes;
}

void write_blocks(store::ResultWriter& writer, store::Layout const& layout, IndexRange blocks) {
  auto const sections = store::sections(layout);
  for (auto block = blocks.begin; block < blocks.end; ++block) {
    auto const samples = layout.grid.samples_of(block);
    for (std::size_t s = 0; s < sections.size(); ++s) {
      writer.write(s, samples, made_up(sections[s], samples).data());
    }
    writer.complete_block(block, {static_cast<std::uint64_t>(block), 4});
  }
}

store::ResultWriter written(std::string const& path, store::Layout const& layout,
                            Comm const& comm) {
  auto writer = store::ResultWriter::create(path, layout, contents, comm);
  write_blocks(writer, layout, fod::shard_of(layout.blocks, comm.size(), comm.rank()));
  return writer;
}

/// Notes what it is shown.
struct Notes : store::RowVisitor {
  void rows(store::Section const& section, IndexRange rows, std::byte const*) override {
    if (section.path == "/sample_ids") {
      for (auto row = rows.begin; row < rows.end; ++row) {
        ids.push_back(row);
      }
    }
  }
  void end_block(std::int64_t block, store::BlockFacts const& facts) override {
    blocks.push_back(block);
    right = right && facts.input_digest == static_cast<std::uint64_t>(block);
  }
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> blocks;
  bool right = true;
};

} // namespace

TEST_CASE("threads that read back are shown the rank's blocks in turn, each once") {
  auto const comm = Comm::world();
  SharedFolder const folder(comm);
  for (std::int64_t samples : {0, 3, 41, 3000}) { // also more threads than blocks
    auto const layout = layout_of(samples);
    for (std::size_t threads : {1U, 2U, 3U, 7U}) {
      auto writer = written(folder.path + "r.h5", layout, comm);
      std::vector<Notes> notes(threads);
      std::vector<store::RowVisitor*> visitors;
      for (auto& note : notes) {
        visitors.push_back(&note);
      }
      writer.end_pass(visitors);
      auto const mine = fod::shard_of(layout.blocks, comm.size(), comm.rank());
      auto block = mine.begin;
      auto id = layout.grid.samples_of(mine).begin;
      bool right = true;
      for (auto const& note : notes) {
        for (auto const seen : note.blocks) {
          right = right && seen == block++;
        }
        for (auto const seen : note.ids) {
          right = right && seen == id++;
        }
        right = right && note.right;
      }
      right = right && block == mine.end && id == layout.grid.samples_of(mine).end;
      CHECK(everywhere(comm, right));
      writer.finish(contents, {});
    }
  }
  comm.barrier(); // the folder goes with rank 0
}

TEST_CASE("a row that is not what was written is found by whichever thread reads it") {
  auto const comm = Comm::world();
  SharedFolder const folder(comm);
  auto const path = folder.path + "r.h5";
  auto const layout = layout_of(3000);
  auto const damaged = layout.grid.samples_of(layout.blocks.end - 2);
  for (std::size_t threads : {1U, 2U, 5U}) {
    auto writer = written(path, layout, comm);
    comm.barrier(); // the row is there
    if (comm.is_root()) {
      std::array<float, 2> const other{2, -1};
      writer.write(0, {damaged.begin, damaged.begin + 1}, other.data());
      writer.drop_block(); // what is on record stays
    }
    comm.barrier();
    std::vector<store::RowVisitor*> const nobody(threads, nullptr);
    std::string message;
    try {
      writer.end_pass(nobody);
    } catch (fod::AgreedError const& error) {
      message = error.what();
    }
    auto const named =
        "samples " + std::to_string(damaged.begin) + " to " + std::to_string(damaged.end) + " of";
    CHECK(everywhere(comm, message.find(named) != std::string::npos));
    auto const done = store::ResultWriter::resume(path, comm).done_blocks();
    CHECK(everywhere(comm, std::ssize(done) == layout.blocks.size() - 1));
    comm.on_root([&] { store::discard_partial(path); });
  }
  comm.barrier();
}

TEST_CASE("totals by parts are those of one thread") {
  auto const comm = Comm::world();
  SharedFolder const folder(comm);
  auto layout = layout_of(300'000);
  layout.uncertainty = true;
  layout.labels = true;
  std::vector<std::vector<std::uint64_t>> sums;
  std::vector<std::vector<std::int64_t>> named;
  std::vector<std::size_t> parts;
  for (int threads : {1, 2, 3}) {
    fod::TotalsByParts by_parts(layout, comm.size(), threads);
    auto writer = written(folder.path + "r.h5", layout, comm);
    writer.end_pass(by_parts.visitors());
    auto total = by_parts.joined();
    sums.emplace_back(total.sums().begin(), total.sums().end());
    named.push_back(total.named_nonfinite());
    parts.push_back(by_parts.visitors().size());
    writer.finish(contents, total.metrics());
  }
  CHECK(everywhere(comm, parts == std::vector<std::size_t>{1, 2, 3}));
  CHECK(everywhere(comm, sums[0] == sums[1] && sums[0] == sums[2]));
  CHECK(everywhere(comm, named[0].size() == fod::Totals::most_named));
  CHECK(everywhere(comm, named[0] == named[1] && named[0] == named[2]));
  CHECK(fod::TotalsByParts(layout_of(10), comm.size(), 8).visitors().size() == 1);
  comm.barrier();
}
