#ifndef REPLICAST_SERVER_RELAY_UPSTREAM_CHANNEL_H_
#define REPLICAST_SERVER_RELAY_UPSTREAM_CHANNEL_H_

#include "client/session/control_channel.h"
#include "replicast/v1/admin_service.pb.h"

namespace replicast::relay {

// What a relay asks its upstream besides what every member does; as ControlChannel.
class UpstreamChannel : public ControlChannel {
 public:
  virtual void Authorize(const v1::AuthorizeRequest& request, Answer<v1::AuthorizeResponse> answer) = 0;
  virtual void Compare(const v1::CompareRequest& request, Answer<v1::CompareResponse> answer) = 0;
  // For its members: what they ask is the master's server's to answer.
  virtual void CreateToken(const v1::CreateTokenRequest& request, Answer<v1::CreateTokenResponse> answer) = 0;
  virtual void Enroll(const v1::EnrollRequest& request, Answer<v1::EnrollResponse> answer) = 0;
};

}  // namespace replicast::relay

#endif  // REPLICAST_SERVER_RELAY_UPSTREAM_CHANNEL_H_
