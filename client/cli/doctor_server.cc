#include "client/cli/doctor_server.h"

#include <absl/time/clock.h>

#include <algorithm>

#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "common/rpc/errors.h"
#include "replicast/v1/admin_service.grpc.pb.h"
#include "replicast/v1/diagnostics_service.grpc.pb.h"

namespace replicast::cli {
namespace {

// Beyond the probe's own time: to connect, and the burst.
constexpr absl::Duration kProbeSlack = absl::Seconds(10);
constexpr int kMostInterfaces = 64, kMostReceivers = 100'000;

}  // namespace

absl::Status AskNetwork(Connection& connection, const StreamName& stream, doctor::Facts* facts) {
  v1::GetNetworkRequest request;
  request.set_stream_id(stream.stream_id);
  request.set_dataset(stream.dataset);
  const auto ask = [&] {
    return connection.Call<v1::DiagnosticsService>(&v1::DiagnosticsService::Stub::GetNetwork, request);
  };
  // The first call makes the connection; only the second one's time tells of the clock.
  RETURN_IF_ERROR(ask().status());
  const absl::Time before = absl::Now();
  ASSIGN_OR_RETURN(const v1::GetNetworkResponse network, ask());
  const absl::Duration took = absl::Now() - before;
  const absl::Time told =
      absl::FromUnixSeconds(network.server_time().seconds()) + absl::Nanoseconds(network.server_time().nanos());
  doctor::ServerFacts& server = facts->server;
  server.clock_offset = told - (before + took / 2);
  server.clock_error = took / 2;
  for (const v1::SendingInterface& each : network.interfaces()) {
    if (server.interfaces.size() == kMostInterfaces) break;
    server.interfaces.push_back({each.name(), each.source_address(), static_cast<int>(each.mtu())});
  }
  server.ttl = static_cast<int>(network.ttl());
  server.frame_size = network.frame_size();
  server.rate = network.rate_bytes_per_second();
  server.groups.assign(network.groups().begin(), network.groups().end());
  facts->group = network.group();
  facts->port = static_cast<uint16_t>(network.port());
  return absl::OkStatus();
}

absl::Status AskReceivers(Connection& connection, doctor::Facts* facts) {
  v1::ListMembersRequest request;
  do {
    ASSIGN_OR_RETURN(const v1::ListMembersResponse page,
                     connection.Call<v1::AdminService>(&v1::AdminService::Stub::ListMembers, request));
    for (const v1::Member& member : page.members()) {
      if (member.revoked() || member.expected_symbols() == 0) continue;
      std::string name = member.display_name();
      if (!name.empty()) name += " ";
      facts->receivers.push_back(
          {name + HexEncode(member.member_id()).substr(0, 8), member.expected_symbols(), member.missing_symbols()});
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty() && facts->receivers.size() < kMostReceivers);
  return absl::OkStatus();
}

ServerProbe::ServerProbe(const Connection& connection, const StreamName& stream, const std::string& nonce,
                         absl::Duration duration) {
  v1::ProbeRequest request;
  request.set_nonce(nonce);
  request.set_stream_id(stream.stream_id);
  request.set_dataset(stream.dataset);
  request.mutable_duration()->set_seconds(absl::ToInt64Seconds(duration));
  request.mutable_duration()->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(duration - absl::Seconds(absl::ToInt64Seconds(duration)))));
  context_.set_deadline(absl::ToChronoTime(absl::Now() + duration + kProbeSlack));
  thread_ = std::thread([this, channel = connection.channel(), request] { Call(channel, request); });
}

ServerProbe::~ServerProbe() {
  context_.TryCancel();
  if (thread_.joinable()) thread_.join();
}

void ServerProbe::Call(const std::shared_ptr<grpc::Channel>& channel, const v1::ProbeRequest& request) {
  const auto stub = v1::DiagnosticsService::NewStub(channel);
  const auto reader = stub->Probe(&context_, request);
  v1::ProbeResponse message;
  while (reader->Read(&message)) last_ = message;
  status_ = rpc::FromGrpc(reader->Finish());
  done_ = true;
}

absl::Status ServerProbe::Finish(std::vector<doctor::ProbeFacts>* sent) {
  thread_.join();
  RETURN_IF_ERROR(status_);
  for (const v1::ProbeCount& count : last_.counts()) {
    if (count.kind() < v1::PROBE_KIND_SMALL || count.kind() > v1::PROBE_KIND_BURST) continue;
    doctor::ProbeFacts probe;
    probe.kind = static_cast<doctor::ProbeKind>(count.kind());
    probe.bytes = count.bytes();
    probe.sent = count.sent();
    sent->push_back(probe);
  }
  return absl::OkStatus();
}

}  // namespace replicast::cli
