#include "integration_tests/simulation/shrink.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include <cmath>
#include <vector>

namespace replicast::simulation {
namespace {

std::string Difference(Configuration from, Configuration to) {
  std::string text;
  const std::vector<Configuration::Setting> before = from.Settings(), after = to.Settings();
  for (size_t i = 0; i < before.size(); ++i) {
    if (*before[i].value == *after[i].value) continue;
    absl::StrAppend(&text, text.empty() ? "" : ",", after[i].name, "=", *after[i].value);
  }
  return text;
}

// The least first, then halfway.
std::vector<double> Smaller(const Configuration::Setting& setting) {
  if (*setting.value <= setting.least) return {};
  const double half = std::floor((*setting.value + setting.least) / 2);
  if (half <= setting.least || half >= *setting.value) return {setting.least};
  return {setting.least, half};
}

}  // namespace

std::string InvariantOf(const std::string& violation) {
  std::string words;
  for (const char letter : violation.substr(0, violation.find(':'))) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(letter)) && letter != '.') words += letter;
  }
  return words;
}

std::string Shrink(const Configuration& failing,
                   const std::function<std::string(const Configuration& configuration)>& violation_of,
                   const std::function<void(const std::string& settings)>& on_smaller) {
  const std::string invariant = InvariantOf(violation_of(failing));
  Configuration smallest = failing;
  bool lowered = true;
  while (lowered) {
    lowered = false;
    for (size_t i = 0; i < smallest.Settings().size(); ++i) {
      for (const double value : Smaller(smallest.Settings()[i])) {
        Configuration tried = smallest;
        *tried.Settings()[i].value = value;
        if (InvariantOf(violation_of(tried)) != invariant) continue;
        smallest = tried;
        lowered = true;
        on_smaller(Difference(failing, smallest));
        break;
      }
    }
  }
  return Difference(failing, smallest);
}

}  // namespace replicast::simulation
