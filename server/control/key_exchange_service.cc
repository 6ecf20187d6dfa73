#include "server/control/key_exchange_service.h"

#include "common/base/errors.h"
#include "common/crypto/crypto.h"
#include "server/control/call.h"

namespace replicast::control {

absl::StatusOr<v1::GetKeysResponse> KeyExchangeService::Keys(const Member& member, uint32_t stream_id) {
  const auto channel = plane_.multicaster().ChannelById(stream_id);
  if (!channel)
    return Error(absl::StatusCode::kNotFound, "STREAM_UNKNOWN", "there is no such stream any more: subscribe again");
  ASSIGN_OR_RETURN(const StreamInfo info, plane_.ReadableStream(member, channel->definition_hash, "get_keys"));
  // Who asks follows the stream, also when it subscribed before this run of the server.
  plane_.Join(member, info.definition_hash, plane_.membership().activity(member.id).max_rate);
  ASSIGN_OR_RETURN(v1::KeyBundle bundle, plane_.multicaster().Keys(info.definition_hash));
  std::string plain = bundle.SerializeAsString();
  const std::string id = member.id.ToBytes();
  const std::string domain(wire::kKeysDomain);
  auto sealed = crypto::HpkeSeal(member.x25519_public_key, domain + '\0' + id, plain);
  crypto::Erase(&plain);
  for (v1::EpochKey& key : *bundle.mutable_keys()) crypto::Erase(key.mutable_secret());
  if (!sealed) {
    return Error(absl::StatusCode::kFailedPrecondition, "KEY_MISSING",
                 "this member gave no X25519 key when it enrolled: enrol anew with one");
  }
  v1::GetKeysResponse response;
  response.set_signature(plane_.signer().Sign(wire::kKeysDomain, id + *sealed));
  response.set_sealed_bundle(*std::move(sealed));
  return response;
}

grpc::ServerUnaryReactor* KeyExchangeService::GetKeys(grpc::CallbackServerContext* context,
                                                      const v1::GetKeysRequest* request,
                                                      v1::GetKeysResponse* response) {
  return ForMember(plane_, context, request, response,
                   [this](const Member& member, const v1::GetKeysRequest& asked,
                          const rpc::Answer<v1::GetKeysResponse>& answer) { answer(Keys(member, asked.stream_id())); });
}

}  // namespace replicast::control
