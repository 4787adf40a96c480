#include "proof.hpp"

#include "disk.hpp"

#include <fcntl.h>

namespace fod::store {

Proof prove_blocks(ResultReader const& reader, Ledger const& ledger, IndexRange blocks,
                   RowVisitor* visitor) {
  Proof proof;
  BlockScanner scanner(reader, ledger, blocks);
  auto const bad = [&](std::int64_t block, std::string const& section) {
    if (proof.bad.size() < Proof::most_bad) {
      proof.bad.push_back({block, section});
    }
  };
  for (auto block = blocks.begin; block < blocks.end; ++block) {
    if (!scanner.done(block)) {
      bad(block, {});
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
        bad(block, scanner.section(s).path);
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

} // namespace fod::store
