#ifndef REPLICAST_SERVER_RELAY_UPSTREAM_CALLS_H_
#define REPLICAST_SERVER_RELAY_UPSTREAM_CALLS_H_

#include "client/session/control_channel.h"
#include "replicast/v1/admin_service.pb.h"
#include "replicast/v1/changes_service.pb.h"

namespace replicast::relay {

// What a relay asks its upstream for its members, besides what it asks as a member itself; as ControlChannel.
class UpstreamCalls {
 public:
  template <typename Response>
  using Answer = ControlChannel::Answer<Response>;
  virtual ~UpstreamCalls() = default;
  virtual void Authorize(const v1::AuthorizeRequest& request, Answer<v1::AuthorizeResponse> answer) = 0;
  virtual void Compare(const v1::CompareRequest& request, Answer<v1::CompareResponse> answer) = 0;
  virtual void CreateToken(const v1::CreateTokenRequest& request, Answer<v1::CreateTokenResponse> answer) = 0;
  virtual void WaitForPosition(const v1::WaitForPositionRequest& request,
                               Answer<v1::WaitForPositionResponse> answer) = 0;
  virtual void Enroll(const v1::EnrollRequest& request, Answer<v1::EnrollResponse> answer) = 0;
  virtual void Renew(const v1::RenewRequest& request, Answer<v1::RenewResponse> answer) = 0;
};

}  // namespace replicast::relay

#endif  // REPLICAST_SERVER_RELAY_UPSTREAM_CALLS_H_
