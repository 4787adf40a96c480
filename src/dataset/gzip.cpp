#include "gzip.hpp"

#include "fod/error.hpp"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace fod {

namespace {
constexpr std::size_t step = std::size_t{1} << 20;
}

void GzipReader::Close::operator()(gzFile_s* file) const {
  gzclose_r(file);
}

GzipReader::GzipReader(std::string path)
    : path_(std::move(path)), file_(gzopen(path_.c_str(), "rb")) {
  if (!file_) {
    throw bad_input("cannot open " + path_, errno == 0 ? "out of memory" : errno_text());
  }
}

void GzipReader::append(std::size_t count, std::vector<std::byte>& out) {
  for (std::size_t done = 0; done < count;) {
    auto const size = out.size();
    auto const wanted = std::min(count - done, step);
    out.resize(size + wanted);
    int const got = gzread(file_.get(), out.data() + size, static_cast<unsigned>(wanted));
    out.resize(size + static_cast<std::size_t>(std::max(got, 0)));
    if (got <= 0) {
      int status = Z_OK;
      gzerror(file_.get(), &status);
      if (got < 0 || (status != Z_OK && status != Z_STREAM_END)) {
        throw_library_error();
      }
      return;
    }
    done += static_cast<std::size_t>(got);
  }
}

void GzipReader::throw_library_error() const {
  int status = Z_OK;
  std::string text = gzerror(file_.get(), &status);
  if (text.starts_with(path_ + ": ")) {
    text.erase(0, path_.size() + 2); // zlib puts the path first, and so does the message
  }
  throw bad_input(status == Z_BUF_ERROR ? path_ + " is truncated" : "cannot decompress " + path_,
                  "zlib: " + text, "copy or download it again");
}

} // namespace fod
