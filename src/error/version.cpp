#include "fod/version.hpp"

namespace fod {

std::string_view version() {
  return FOD_VERSION;
}

} // namespace fod
