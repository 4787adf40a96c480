#include "image_decode.hpp"

#include <array>
#include <csetjmp>
#include <cstdio>

#include <jpeglib.h>

#include <jerror.h>

// libjpeg-turbo as Pillow uses it: the accurate DCT and smooth upsampling, both its defaults. It
// leaves by longjmp, which skips destructors: `guarded` is the only place where that may pass, and
// the steps that run in it own nothing.
namespace fod {

namespace {

/// All that a step touches.
struct Jpeg {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  std::jmp_buf escape{};
  std::array<char, JMSG_LENGTH_MAX> message{};
  std::span<std::byte const> file;
  ImageMode mode = ImageMode::rgb;
  std::uint8_t* out = nullptr;
};

[[noreturn]] void leave(j_common_ptr info) {
  auto* jpeg = static_cast<Jpeg*>(info->client_data);
  info->err->format_message(info, jpeg->message.data());
  std::longjmp(jpeg->escape, 1); // NOLINT(cert-err52-cpp)
}

/// Warnings that pixels survive: what cameras and old programs write wrong around them.
bool is_harmless(int warning) {
  return warning == JWRN_EXTRANEOUS_DATA || warning == JWRN_ADOBE_XFORM ||
         warning == JWRN_JFIF_MAJOR || warning == JWRN_TOO_MUCH_DATA;
}

void hear(j_common_ptr info, int level) {
  if (level < 0 && !is_harmless(info->err->msg_code)) {
    leave(info);
  }
}

void say_nothing(j_common_ptr /*info*/) {}

/// Runs a step; false if libjpeg gave up, and `message` says why.
bool guarded(Jpeg& jpeg, void (*step)(Jpeg&)) {
  if (setjmp(jpeg.escape) != 0) { // NOLINT(cert-err52-cpp)
    return false;
  }
  step(jpeg);
  return true;
}

void create(Jpeg& jpeg) {
  jpeg_create_decompress(&jpeg.info);
}

void read_header(Jpeg& jpeg) {
  jpeg_mem_src(&jpeg.info, reinterpret_cast<unsigned char const*>(jpeg.file.data()),
               static_cast<unsigned long>(jpeg.file.size()));
  jpeg_read_header(&jpeg.info, TRUE);
}

void start(Jpeg& jpeg) {
  auto& info = jpeg.info;
  info.out_color_space = JCS_RGB;
  if (info.num_components == 4) {
    info.out_color_space = JCS_CMYK;
  } else if (info.num_components == 1 && jpeg.mode == ImageMode::gray) {
    info.out_color_space = JCS_GRAYSCALE;
  }
  jpeg_start_decompress(&info);
}

void read_rows(Jpeg& jpeg) {
  auto& info = jpeg.info;
  auto const row_bytes =
      std::size_t{info.output_width} * static_cast<std::size_t>(info.output_components);
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = jpeg.out + row_bytes * info.output_scanline;
    jpeg_read_scanlines(&info, &row, 1);
  }
}

/// Owner of libjpeg's memory for one file.
class JpegReader {
public:
  explicit JpegReader(std::span<std::byte const> file) {
    jpeg_.file = file;
    jpeg_.info.err = jpeg_std_error(&jpeg_.errors);
    jpeg_.info.client_data = &jpeg_;
    jpeg_.errors.error_exit = leave;
    jpeg_.errors.emit_message = hear;
    jpeg_.errors.output_message = say_nothing;
    bool const good = guarded(jpeg_, create) && guarded(jpeg_, read_header);
    if (!good) {
      jpeg_destroy_decompress(&jpeg_.info); // the destructor does not run
      throw UnreadableImage(text());
    }
  }
  JpegReader(JpegReader const&) = delete;
  JpegReader& operator=(JpegReader const&) = delete;
  ~JpegReader() { jpeg_destroy_decompress(&jpeg_.info); }

  [[nodiscard]] ImageSize size() const {
    return {std::int64_t{jpeg_.info.image_height}, std::int64_t{jpeg_.info.image_width}};
  }

  /// @param out gets 1, 3 or (inverted inks) 4 channels
  void read(ImageMode mode, Pixels& out) {
    jpeg_.mode = mode;
    run(start);
    out.resize(size(), static_cast<std::size_t>(jpeg_.info.output_components));
    jpeg_.out = out.values.data();
    run(read_rows);
  }

private:
  void run(void (*step)(Jpeg&)) {
    if (!guarded(jpeg_, step)) {
      throw UnreadableImage(text());
    }
  }
  [[nodiscard]] std::string text() const { return "libjpeg: " + std::string(jpeg_.message.data()); }

  Jpeg jpeg_;
};

/// a * b / 255, rounded.
unsigned scaled(unsigned a, unsigned b) {
  auto const product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

/// Cyan, magenta, yellow and black are stored inverted by all programs that write such files.
void inks_to_rgb(Pixels& pixels) {
  auto const count = pixels.values.size() / 4;
  auto const* from = pixels.values.data();
  auto* to = pixels.values.data();
  for (std::size_t i = 0; i < count; ++i, from += 4, to += 3) {
    unsigned const light = from[3];
    for (int channel = 0; channel < 3; ++channel) {
      to[channel] = static_cast<std::uint8_t>(light - scaled(255U - from[channel], light));
    }
  }
  pixels.resize(pixels.size, 3);
}

} // namespace

void decode_jpeg(std::span<std::byte const> file, ImageMode mode, Pixels& out) {
  JpegReader reader(file);
  check_extents(reader.size());
  reader.read(mode, out);
  if (out.channels == 4) {
    inks_to_rgb(out);
  }
  if (mode == ImageMode::gray && out.channels == 3) {
    make_gray(out);
  }
}

ImageSize size_of_jpeg(std::span<std::byte const> file) {
  return JpegReader(file).size();
}

} // namespace fod
