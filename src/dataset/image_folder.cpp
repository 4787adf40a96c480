#include "formats.hpp"
#include "image_listing.hpp"
#include "image_resize.hpp"
#include "rows.hpp"
#include "share_out.hpp"

#include "fod/error.hpp"
#include "fod/text.hpp"

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <set>
#include <system_error>
#include <utility>

namespace fod {

namespace {

std::string text_of(ImageSize size) {
  return std::to_string(size.width) + " x " + std::to_string(size.height) + " pixels";
}

class ImageFolderSource final : public DataSource {
public:
  ImageFolderSource(std::string const& folder, std::string name, ImageOptions const& options)
      : listing_(folder), options_(options) {
    wanted_ = options.crop > 0 ? ImageSize{options.crop, options.crop} : size_of_first();
    Shape const shape{listing_.size(), options.mode == ImageMode::rgb ? 3 : 1, wanted_.height,
                      wanted_.width};
    rows_ = rows_of(folder, {std::move(name), ElementType::uint8, {}}, shape);
  }

  [[nodiscard]] FieldSpec const& field() const override { return rows_.field; }
  [[nodiscard]] std::int64_t size() const override { return rows_.size; }
  [[nodiscard]] std::vector<std::string> class_names() const override {
    return listing_.class_names();
  }
  [[nodiscard]] int reading_threads() const override { return std::max(1, options_.threads); }
  [[nodiscard]] std::string sample_name(std::int64_t sample) const override {
    return shown(listing_.path(sample));
  }

  [[nodiscard]] std::string description() const override {
    auto const ignored = listing_.ignored();
    return counted(listing_.size(), "image") + " in " +
           counted(std::ssize(listing_.class_names()), "class") + " in " +
           shown(listing_.folder()) + "; " + counted(ignored, "other file") + " ignored";
  }

  void read(IndexRange range, std::span<std::byte> out) const override {
    check_request(listing_.folder(), rows_, range, out);
    auto const bytes = static_cast<std::size_t>(rows_.field.sample_bytes());
    share_out(range, options_.threads, [&] {
      return [&, memory = Memory()](std::int64_t sample) mutable {
        auto const at = static_cast<std::size_t>(sample - range.begin) * bytes;
        read_sample(sample, out.subspan(at, bytes), memory);
      };
    });
  }

  [[nodiscard]] std::vector<std::int64_t> unreadable(IndexRange range) const override {
    std::lock_guard const lock(guard_);
    return {bad_.lower_bound(range.begin), bad_.lower_bound(range.end)};
  }

private:
  /// What a thread uses again from image to image.
  struct Memory {
    std::vector<std::byte> file;
    Pixels pixels;
    ResizeMemory resize;
  };

  void read_sample(std::int64_t sample, std::span<std::byte> out, Memory& memory) const {
    try {
      read_image_file(listing_.path(sample), memory.file);
      decode_image(memory.file, options_.mode, memory.pixels);
    } catch (UnreadableImage const& problem) {
      if (!options_.skip_bad) {
        throw unreadable_error(sample, problem.what());
      }
      std::fill(out.begin(), out.end(), std::byte{0});
      std::lock_guard const lock(guard_);
      bad_.insert(sample);
      return;
    }
    auto const scaled = scaled_size(memory.pixels.size);
    if (options_.crop == 0 && scaled != wanted_) {
      throw other_size(sample, memory.pixels.size, scaled);
    }
    std::span const values(reinterpret_cast<std::uint8_t*>(out.data()), out.size());
    resize_and_crop(memory.pixels, scaled, wanted_, values, memory.resize);
  }

  [[nodiscard]] ImageSize scaled_size(ImageSize size) const {
    return options_.resize ? options_.resize->of(size) : size;
  }

  /// Extents of the first image (of those that can be read, if others are skipped), scaled.
  [[nodiscard]] ImageSize size_of_first() const {
    if (options_.resize && options_.resize->exact) {
      return *options_.resize->exact;
    }
    std::vector<std::byte> file;
    for (std::int64_t sample = 0; sample < listing_.size(); ++sample) {
      try {
        read_image_file(listing_.path(sample), file);
        auto const size = size_of_image(file);
        check_extents(size);
        auto const scaled = scaled_size(size);
        check_extents(scaled);
        return scaled;
      } catch (UnreadableImage const& problem) {
        if (!options_.skip_bad) {
          throw unreadable_error(sample, problem.what());
        }
      }
    }
    throw bad_input("no image in " + shown(listing_.folder()) + " can be read",
                    "all " + counted(listing_.size(), "file") + " are damaged",
                    "look at them, without --skip-bad the first is named with the reason");
  }

  [[nodiscard]] Error unreadable_error(std::int64_t sample, std::string const& why) const {
    return bad_input("cannot read the image " + sample_name(sample) + ", sample " +
                         std::to_string(sample),
                     why, "replace or remove it, or pass --skip-bad to mark such samples");
  }

  [[nodiscard]] Error other_size(std::int64_t sample, ImageSize size, ImageSize scaled) const {
    auto const resized = options_.resize ? ", scaled to " + text_of(scaled) : "";
    return bad_input("the image " + sample_name(sample) + ", sample " + std::to_string(sample) +
                         ", has " + text_of(size) + resized,
                     "the first image gives " + text_of(wanted_) +
                         ", and all samples must be of one size",
                     options_.resize ? "pass --crop S, or --resize HxW"
                                     : "pass --resize S with --crop S, or --resize HxW");
  }

  ImageListing listing_;
  ImageOptions options_;
  ImageSize wanted_; ///< of every sample
  Rows rows_;
  mutable std::mutex guard_;
  mutable std::set<std::int64_t> bad_; ///< samples that could not be read, so far
};

} // namespace

bool is_image_folder(std::string const& spec) {
  std::error_code ignored;
  return std::filesystem::is_directory(spec, ignored);
}

std::unique_ptr<DataSource> open_image_folder(std::string const& folder, std::string name,
                                              ImageOptions const& options) {
  return std::make_unique<ImageFolderSource>(folder, std::move(name), options);
}

} // namespace fod
