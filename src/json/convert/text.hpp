#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

/// Inside of the json module: text that is put together in place.
namespace fod::json {

/// Grows by leaps, and does not fill what it grows by, as a string would.
class Text {
public:
  /// Room for `bytes` more; what is written there counts once `wrote` says where it ends.
  [[nodiscard]] char* room(std::size_t bytes) {
    if (capacity_ - size_ < bytes) {
      grow(bytes);
    }
    return data_.get() + size_;
  }
  void wrote(char const* end) { size_ = static_cast<std::size_t>(end - data_.get()); }
  void append(std::string_view text) {
    if (!text.empty()) { // there may be no room at all yet
      std::memcpy(room(text.size()), text.data(), text.size());
      size_ += text.size();
    }
  }
  void append_bytes(void const* data, std::size_t bytes) {
    append({static_cast<char const*>(data), bytes});
  }
  void clear() { size_ = 0; }
  [[nodiscard]] std::string_view view() const { return {data_.get(), size_}; }

private:
  void grow(std::size_t bytes) {
    capacity_ = std::max(size_ + bytes, capacity_ + capacity_ / 2);
    std::unique_ptr<char[]> larger(new char[capacity_]);
    if (size_ > 0) {
      std::memcpy(larger.get(), data_.get(), size_);
    }
    data_ = std::move(larger);
  }

  std::unique_ptr<char[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

} // namespace fod::json
