#include "proof.hpp"

#include "disk.hpp"

#include "fod/error.hpp"
#include "fod/shard.hpp"

#include <array>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <thread>

namespace fod::store {

namespace {

Proof prove_run(ResultReader const& reader, Ledger const& ledger, IndexRange blocks,
                RowVisitor* visitor) {
  Proof proof;
  BlockScanner scanner(reader, ledger, blocks);
  for (auto block = blocks.begin; block < blocks.end; ++block) {
    if (!scanner.done(block)) {
      proof.add({block, {}});
      continue;
    }
    auto const digests =
        scanner.scan(block, [&](std::size_t s, IndexRange rows, std::byte const* data) {
          auto const& section = scanner.section(s);
          if (section.path == "/sample_ids") {
            auto const* ids = reinterpret_cast<std::int64_t const*>(data);
            for (std::int64_t i = 0; i < rows.size(); ++i) {
              proof.ids.add(ids[i]);
            }
          }
          if (visitor != nullptr) {
            visitor->rows(section, rows, data);
          }
        });
    for (std::size_t s = 0; s < digests.size(); ++s) {
      if (digests[s] != scanner.recorded(block, s)) {
        proof.add({block, scanner.section(s).path});
        break;
      }
    }
    if (visitor != nullptr) {
      visitor->end_block(block, scanner.facts(block));
    }
  }
  return proof;
}

void clear_marks(std::string const& partial, Ledger const& ledger, IndexRange blocks_of_file,
                 std::vector<std::int64_t> const& blocks) {
  auto file = h5::File::open_for_writing(partial);
  auto done = file.dataset(done_of(ledger));
  std::uint8_t const no_mark = 0;
  for (auto const block : blocks) {
    auto const row = block - blocks_of_file.begin;
    done.write({row, row + 1}, ElementType::uint8, &no_mark);
  }
  done = h5::Dataset();
  file.close();
  Descriptor(partial, O_RDWR).sync();
}

} // namespace

void Proof::add(BadBlock block) {
  if (bad.size() < most_bad) {
    bad.push_back(std::move(block));
  }
}

void Proof::join(Proof const& next) {
  ids += next.ids;
  for (auto const& block : next.bad) {
    add(block);
  }
}

Proof prove_blocks(ResultReader const& reader, Ledger const& ledger, IndexRange blocks,
                   std::span<RowVisitor* const> visitors) {
  std::vector<Proof> proofs(visitors.size());
  std::vector<std::exception_ptr> failures(visitors.size());
  auto const prove = [&](std::size_t run) {
    try {
      auto const own = shard_of(blocks, static_cast<int>(visitors.size()), static_cast<int>(run));
      proofs[run] = prove_run(reader, ledger, own, visitors[run]);
    } catch (...) {
      failures[run] = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> others;
    for (std::size_t run = 1; run < visitors.size(); ++run) {
      others.emplace_back(prove, run);
    }
    prove(0);
  }
  Proof all;
  for (std::size_t run = 0; run < visitors.size(); ++run) {
    if (failures[run] != nullptr) {
      std::rethrow_exception(failures[run]);
    }
    all.join(proofs[run]);
  }
  return all;
}

void require_good(Proof const& proof, std::string const& partial, Layout const& layout,
                  Ledger const& ledger, Comm const& comm) {
  std::string own;
  std::string first; // what is wrong, in a byte, and where
  for (auto const& [block, section] : proof.bad) {
    own.append(reinterpret_cast<char const*>(&block), sizeof block);
    if (first.empty()) {
      auto const samples = layout.grid.samples_of(block);
      first = std::string(section.empty() ? "m" : "c") + "samples " +
              std::to_string(samples.begin) + " to " + std::to_string(samples.end) + " of " +
              partial + section;
    }
  }
  std::vector<std::int64_t> blocks;
  for (auto const& of_rank : comm.all_gather(own)) {
    auto const before = blocks.size();
    blocks.resize(before + of_rank.size() / sizeof(std::int64_t));
    if (!of_rank.empty()) {
      std::memcpy(blocks.data() + before, of_rank.data(), of_rank.size());
    }
  }
  if (blocks.empty()) {
    return;
  }
  for (auto const& of_rank : comm.all_gather(first)) {
    if (!of_rank.empty()) {
      first = of_rank;
      break;
    }
  }
  comm.on_root([&] { clear_marks(partial, ledger, layout.blocks, blocks); });
  auto const more = blocks.size() == 1 ? std::string()
                                       : ", and in " + std::to_string(blocks.size() - 1) + " more";
  throw AgreedError(run_failure(
      first.substr(1) + " were not read back as they were written",
      (first[0] == 'm' ? "the block is not marked" : "the checksum differs") + more,
      "check the disk, then start the job again with --resume, which computes them again"));
}

void require_all_ids(Proof const& proof, std::string const& partial, Layout const& layout,
                     IndexRange mine, Comm const& comm) {
  // What should be there is summed over the ranks too: a billion hashes take seconds.
  auto const wanted =
      layout.explicit_ids ? IdEvidence() : evidence_of(layout.grid.samples_of(mine));
  std::array<std::uint64_t, 6> sums{proof.ids.count, proof.ids.sum, proof.ids.hash,
                                    wanted.count,    wanted.sum,    wanted.hash};
  comm.all_sum(sums);
  IdEvidence const total{sums[0], sums[1], sums[2]};
  auto const rows = static_cast<std::uint64_t>(layout.samples().size());
  bool const whole =
      layout.explicit_ids ? total.count == rows : total == IdEvidence{sums[3], sums[4], sums[5]};
  if (!whole) {
    throw AgreedError(
        run_failure(partial + " does not hold every sample once",
                    std::to_string(total.count) + " ids for " + std::to_string(rows) + " samples",
                    "do not use it; start the job again with --overwrite"));
  }
}

} // namespace fod::store
