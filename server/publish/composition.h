#ifndef REPLICAST_SERVER_PUBLISH_COMPOSITION_H_
#define REPLICAST_SERVER_PUBLISH_COMPOSITION_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "replicast/v1/types.pb.h"

namespace replicast::publish {

struct Part {
  std::string dataset;
  v1::Definition definition;
};
// The definition whose rows of each table are exactly those of all parts together. FAILED_PRECONDITION
// (DATASETS_DISAGREE): two parts hold different columns of a table, so that some of its rows would show more than their
// part does; says which.
absl::StatusOr<v1::Definition> Compose(const std::vector<Part>& parts);

}  // namespace replicast::publish

#endif  // REPLICAST_SERVER_PUBLISH_COMPOSITION_H_
