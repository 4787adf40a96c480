#include "image_decode.hpp"

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstring>

#include <png.h>

// libpng leaves by longjmp, which skips destructors: `guarded` is the only place where that may
// pass, and the steps that run in it own nothing.
namespace fod {

namespace {

/// All that a step touches.
struct Png {
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::jmp_buf escape{};
  std::array<char, 256> message{};
  std::span<std::byte const> file;
  std::size_t at = 0; ///< bytes of `file` that were read
  ImageMode mode = ImageMode::rgb;
  int passes = 1; ///< of an interlaced image, several
  std::uint8_t* out = nullptr;
};

[[noreturn]] void leave(png_structp png, png_const_charp text) {
  auto* state = static_cast<Png*>(png_get_error_ptr(png));
  auto const length = std::min(std::strlen(text), state->message.size() - 1);
  std::copy_n(text, length, state->message.data());
  std::longjmp(state->escape, 1); // NOLINT(cert-err52-cpp)
}

/// Warnings concern what stands beside the pixels: colour profiles, texts, dates.
void say_nothing(png_structp /*png*/, png_const_charp /*text*/) {}

void give_bytes(png_structp png, png_bytep to, std::size_t count) {
  auto* state = static_cast<Png*>(png_get_io_ptr(png));
  if (count > state->file.size() - state->at) {
    png_error(png, "the file ends too early");
  }
  std::memcpy(to, state->file.data() + state->at, count);
  state->at += count;
}

/// Runs a step; false if libpng gave up, and `message` says why.
bool guarded(Png& png, void (*step)(Png&)) {
  if (setjmp(png.escape) != 0) { // NOLINT(cert-err52-cpp)
    return false;
  }
  step(png);
  return true;
}

void read_header(Png& state) {
  png_set_read_fn(state.png, &state, give_bytes);
  png_read_info(state.png, state.info);
}

/// Asks for 8-bit values of the colours alone.
void start(Png& state) {
  auto const kind = png_get_color_type(state.png, state.info);
  if (kind == PNG_COLOR_TYPE_PALETTE) {
    png_set_palette_to_rgb(state.png);
  } else if ((kind & PNG_COLOR_MASK_COLOR) == 0) {
    png_set_expand_gray_1_2_4_to_8(state.png);
    if (state.mode == ImageMode::rgb) {
      png_set_gray_to_rgb(state.png);
    }
  }
  png_set_strip_16(state.png);
  png_set_strip_alpha(state.png);
  state.passes = png_set_interlace_handling(state.png);
  png_read_update_info(state.png, state.info);
}

void read_rows(Png& state) {
  auto const height = png_get_image_height(state.png, state.info);
  auto const row_bytes = png_get_rowbytes(state.png, state.info);
  for (int pass = 0; pass < state.passes; ++pass) {
    for (std::size_t y = 0; y < height; ++y) {
      png_read_row(state.png, state.out + y * row_bytes, nullptr);
    }
  }
  png_read_end(state.png, nullptr); // a file that is cut off behind the pixels is cut off, too
}

/// Owner of libpng's memory for one file.
class PngReader {
public:
  explicit PngReader(std::span<std::byte const> file) {
    state_.file = file;
    state_.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &state_, leave, say_nothing);
    state_.info = state_.png == nullptr ? nullptr : png_create_info_struct(state_.png);
    bool const good = state_.info != nullptr && guarded(state_, read_header);
    if (!good) {
      destroy(); // the destructor does not run
      throw UnreadableImage(text());
    }
  }
  PngReader(PngReader const&) = delete;
  PngReader& operator=(PngReader const&) = delete;
  ~PngReader() { destroy(); }

  [[nodiscard]] ImageSize size() const {
    return {std::int64_t{png_get_image_height(state_.png, state_.info)},
            std::int64_t{png_get_image_width(state_.png, state_.info)}};
  }

  void read(ImageMode mode, Pixels& out) {
    state_.mode = mode;
    run(start);
    out.resize(size(), png_get_channels(state_.png, state_.info));
    state_.out = out.values.data();
    run(read_rows);
  }

private:
  void run(void (*step)(Png&)) {
    if (!guarded(state_, step)) {
      throw UnreadableImage(text());
    }
  }
  [[nodiscard]] std::string text() const { return "libpng: " + std::string(state_.message.data()); }
  void destroy() { png_destroy_read_struct(&state_.png, &state_.info, nullptr); }

  Png state_;
};

} // namespace

void decode_png(std::span<std::byte const> file, ImageMode mode, Pixels& out) {
  PngReader reader(file);
  check_extents(reader.size());
  reader.read(mode, out);
  if (mode == ImageMode::gray && out.channels == 3) {
    make_gray(out);
  }
}

ImageSize size_of_png(std::span<std::byte const> file) {
  return PngReader(file).size();
}

} // namespace fod
