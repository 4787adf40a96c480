#include "fod/sha256.hpp"

#include "fod/error.hpp"

#include <openssl/evp.h>

#include <array>

namespace fod {

std::string sha256_of(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) {
    throw run_failure("cannot compute a SHA-256", "OpenSSL refuses");
  }
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text += digits[digest[i] / 16U];
    text += digits[digest[i] % 16U];
  }
  return text;
}

} // namespace fod
