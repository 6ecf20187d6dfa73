#include "server/control/diagnostics_service.h"

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/errors.h"
#include "common/base/log.h"
#include "common/net/interface_properties.h"
#include "common/rpc/errors.h"
#include "common/wire/probe_datagram.h"
#include "server/control/call.h"
#include "server/control/messages.h"
#include "server/publish/group_range.h"

namespace replicast::control {
namespace {

// A probe is a few hundred kB: so a member that asks all day costs some 15 kB/s.
constexpr double kProbesPerSecond = 1 / 20.0, kProbeBurst = 6;
constexpr absl::Duration kTellEvery = absl::Seconds(1);
constexpr int kMostGroups = 1024;

}  // namespace

DiagnosticsService::DiagnosticsService(ControlPlane& plane)
    : plane_(plane), budget_(kProbesPerSecond, kProbeBurst, limits::kMaxMembers) {}

absl::StatusOr<DiagnosticsService::Target> DiagnosticsService::AnyGroup() {
  const ControlPlane::Sending& sending = plane_.facts().sending;
  std::set<std::string> used;
  std::optional<ChannelInfo> any;
  for (const std::string& name : plane_.publisher().Datasets()) {
    const auto info = plane_.publisher().Dataset(name);
    const auto channel = info.ok() ? plane_.multicaster().Channel(info->definition_hash) : std::nullopt;
    if (!channel) continue;
    used.insert(channel->group);
    if (!any) any = channel;
  }
  if (any) return Target{any->group, any->port, any->frame_size, any->rate};
  if (free_group_.empty() || used.contains(free_group_)) {
    ASSIGN_OR_RETURN(const GroupRange range, GroupRange::Parse(sending.groups));
    free_group_ = range.Allocate(used, random_).value_or("");
  }
  constexpr uint64_t kModestRate = 1'000'000;
  return Target{free_group_, sending.port, sending.frame_size, kModestRate};
}

absl::StatusOr<DiagnosticsService::Target> DiagnosticsService::Find(const Member& member, uint32_t stream_id,
                                                                    const std::string& dataset) {
  if (stream_id == 0 && dataset.empty()) {
    RETURN_IF_ERROR(plane_.RequireAdmin(member));
    return AnyGroup();
  }
  std::optional<ChannelInfo> channel;
  if (!dataset.empty()) {
    ASSIGN_OR_RETURN(const StreamInfo info, plane_.ReadableDataset(member, dataset, "probe"));
    channel = plane_.multicaster().Channel(info.definition_hash);
  }
  // What is narrowed of the dataset has a stream of its own, which only its id names.
  if (const auto named = stream_id == 0 ? std::nullopt : plane_.multicaster().ChannelById(stream_id)) {
    RETURN_IF_ERROR(plane_.ReadableStream(member, named->definition_hash, "probe").status());
    channel = named;
  }
  if (!channel) return Target{};
  return Target{channel->group, channel->port, channel->frame_size, channel->rate};
}

absl::StatusOr<v1::GetNetworkResponse> DiagnosticsService::Network(const Member& member,
                                                                   const v1::GetNetworkRequest& request) {
  ASSIGN_OR_RETURN(const Target target, Find(member, request.stream_id(), request.dataset()));
  const ControlPlane::Sending& sending = plane_.facts().sending;
  v1::GetNetworkResponse network;
  SetTime(plane_.wall(), network.mutable_server_time());
  network.set_group(target.group);
  network.set_port(target.port);
  for (const ControlPlane::Sending::Out& out : sending.outs()) {
    v1::SendingInterface& interface = *network.add_interfaces();
    interface.set_name(out.interface);
    interface.set_source_address(out.source);
    interface.set_mtu(static_cast<uint32_t>(net::MtuOf(out.interface).value_or(0)));
  }
  network.set_ttl(static_cast<uint32_t>(sending.ttl));
  network.set_frame_size(static_cast<uint32_t>(target.frame_size));
  network.set_rate_bytes_per_second(target.rate);
  for (const std::string& name : plane_.publisher().Datasets()) {
    if (network.groups_size() == kMostGroups) break;
    if (!member.admin() && !Membership::MayRead(member, name)) continue;
    const auto info = plane_.publisher().Dataset(name);
    const auto channel = info.ok() ? plane_.multicaster().Channel(info->definition_hash) : std::nullopt;
    const auto& groups = network.groups();
    if (channel && std::find(groups.begin(), groups.end(), channel->group) == groups.end())
      network.add_groups(channel->group);
  }
  return network;
}

absl::Status DiagnosticsService::Begin(const Member& member, const v1::ProbeRequest& request,
                                       std::shared_ptr<rpc::MessageWriter<v1::ProbeResponse>> stream) {
  if (request.nonce().size() != wire::kProbeNonceSize)
    return Error(absl::StatusCode::kInvalidArgument, "REQUEST_INVALID", "a probe's nonce has 16 bytes");
  ASSIGN_OR_RETURN(const Target target, Find(member, request.stream_id(), request.dataset()));
  const ControlPlane::Sending& sending = plane_.facts().sending;
  if (target.group.empty() || !sending.open) {
    return Error(absl::StatusCode::kFailedPrecondition, "NO_GROUP",
                 "the server multicasts no such stream now: its members follow by unicast");
  }
  if (stream_ && !stream_->over()) {
    return rpc::WithRetryAfter(Error(absl::StatusCode::kResourceExhausted, "PROBE_BUSY",
                                     "another probe is under way: try again in half a minute"),
                               Prober::kLongest);
  }
  if (const auto wait = budget_.Take(member.id.ToBytes(), plane_.now())) {
    return rpc::WithRetryAfter(
        Error(absl::StatusCode::kResourceExhausted, "OVER_BUDGET", "too many probes: try again in some seconds"),
        *wait);
  }
  ASSIGN_OR_RETURN(std::unique_ptr<net::DatagramSender> sender, sending.open());
  spdlog::info("probing {}:{} for member {}", target.group, target.port, member.id.ToHex());
  prober_.emplace(Prober::Plan{.nonce = request.nonce(),
                               .group = target.group,
                               .port = target.port,
                               .full_bytes = target.frame_size,
                               .rate = target.rate,
                               .duration = FromProto(request.duration())},
                  std::move(sender), plane_.now());
  stream_ = std::move(stream);
  next_told_ = plane_.now();
  return absl::OkStatus();
}

absl::Time DiagnosticsService::Tick() {
  if (!stream_) return absl::InfiniteFuture();
  const absl::Time now = plane_.now();
  // A caller that has gone is sent nothing more.
  const absl::Time next = stream_->over() ? absl::InfiniteFuture() : prober_->Tick(now);
  if (now >= next_told_ || next == absl::InfiniteFuture()) {
    stream_->Write(prober_->Progress());
    next_told_ = now + kTellEvery;
  }
  if (next != absl::InfiniteFuture()) return std::min(next, next_told_);
  stream_->End(absl::OkStatus());
  stream_.reset();
  prober_.reset();
  return absl::InfiniteFuture();
}

grpc::ServerUnaryReactor* DiagnosticsService::GetNetwork(grpc::CallbackServerContext* context,
                                                         const v1::GetNetworkRequest* request,
                                                         v1::GetNetworkResponse* response) {
  return ForMember(plane_, context, request, response,
                   [this](const Member& member, const v1::GetNetworkRequest& asked,
                          const rpc::Answer<v1::GetNetworkResponse>& answer) { answer(Network(member, asked)); });
}

grpc::ServerWriteReactor<v1::ProbeResponse>* DiagnosticsService::Probe(grpc::CallbackServerContext* context,
                                                                       const v1::ProbeRequest* request) {
  using Stream = std::shared_ptr<rpc::ServerStream<v1::ProbeResponse>>;
  return OpenStream<v1::ProbeRequest, v1::ProbeResponse>(
      plane_, context, request, [this](const Member& member, const v1::ProbeRequest& asked, const Stream& stream) {
        return Begin(member, asked, stream);
      });
}

}  // namespace replicast::control
