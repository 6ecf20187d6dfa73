#ifndef REPLICAST_CLIENT_SESSION_GRANTED_STREAM_H_
#define REPLICAST_CLIENT_SESSION_GRANTED_STREAM_H_

#include <absl/status/statusor.h>

#include <string>

#include "client/session/subscription.h"
#include "common/base/lsn.h"
#include "replicast/v1/authorization_service.pb.h"

namespace replicast {

// What a grant says, after everything that is relied on later was checked: that the CA certifies the key which signs
// the units, and that the master's server, whoever brought this, grants this definition to this member, and to each
// relay on the way.
struct GrantedStream {
  ServerId master;
  std::string signing_public_key;
  DefinitionHash definition;
  v1::DatasetSchema schema;
};
// `master_time`: what the master's clock is known to have passed; what was granted until long before then counts no
// more. FAILED_PRECONDITION (ANSWER_INVALID; LOOP: the way to the master leads through the member itself),
// PERMISSION_DENIED (SIGNATURE_INVALID); FAILED_PRECONDITION (GRANT_EXPIRED): not any more, or not yet.
absl::StatusOr<GrantedStream> CheckGrant(const v1::SubscribeResponse& answer, const Subscription::Options& member,
                                         absl::Time master_time);

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_GRANTED_STREAM_H_
