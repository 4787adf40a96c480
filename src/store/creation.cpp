#include "creation.hpp"

#include "disk.hpp"
#include "undo.hpp"

#include "fod/error.hpp"

#include <array>
#include <cstdio>
#include <fcntl.h>
#include <random>
#include <unistd.h>

namespace fod::store {

namespace {

/// A name that no other file has.
std::string new_creation() {
  std::random_device random;
  std::array<char, 33> text{};
  std::snprintf(text.data(), text.size(), "%08x%08x%08x%08x", random(), random(), random(),
                random());
  return text.data();
}

} // namespace

void create_partial(std::string const& path, Layout const& layout, Contents const& contents) {
  auto const partial = partial_path(path);
  auto const fresh = fresh_path(partial);
  try {
    auto file = h5::File::create(fresh);
    write_layout(file, layout);
    file.set_attribute("/", "creation", new_creation());
    create_objects(file, layout, first_ledger(layout));
    write_contents(file, contents);
    file.close();
    reserve_space(fresh);
    remove_state(path);
    publish(fresh, partial);
  } catch (Error const& error) {
    ::unlink(fresh.c_str());
    throw Error(ExitCode::usage, error.within("cannot create " + path).message());
  }
}

void add_ledger(std::string const& path, Layout const& layout, Ledger const& ledger) {
  change_metadata(path, [&](h5::File& file) { create_objects(file, layout, ledger); });
  reserve_space(partial_path(path));
}

void change_metadata(std::string const& path, std::function<void(h5::File&)> const& change) {
  auto const partial = partial_path(path);
  auto const undo = undo_path(path);
  try {
    make_folder(state_path(path));
    save_undo(partial, row_bytes(partial), undo);
    auto file = h5::File::open_for_writing(partial);
    change(file);
    file.close();
    Descriptor(partial, O_RDWR).sync();
    ::unlink(undo.c_str());
  } catch (Error const& error) {
    throw Error(ExitCode::failed, error.message()); // the rows are there
  }
}

void publish_complete(std::string const& path) {
  publish(partial_path(path), path);
  remove_state(path);
}

void discard_partial(std::string const& path) {
  ::unlink(partial_path(path).c_str());
  remove_state(path);
}

void remove_state(std::string const& path) {
  remove_folder(state_path(path));
}

} // namespace fod::store
