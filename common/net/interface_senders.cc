#include "common/net/interface_senders.h"

#include <algorithm>

#include "common/base/errors.h"

namespace replicast::net {
namespace {

// Of IP and UDP around a datagram.
size_t HeaderBytes(bool v6) { return v6 ? 48 : 28; }

}  // namespace

absl::StatusOr<std::unique_ptr<InterfaceSenders>> InterfaceSenders::Open(const std::vector<std::string>& interfaces,
                                                                         const SendingOptions& options) {
  REPLICAST_CHECK(!interfaces.empty());
  std::unique_ptr<InterfaceSenders> senders(new InterfaceSenders(options));
  absl::Status first;
  for (const std::string& name : interfaces) {
    One& one = senders->all_.emplace_back();
    one.name = name;
    first.Update(senders->LookAt(one));
  }
  const bool some =
      std::any_of(senders->all_.begin(), senders->all_.end(), [](const One& one) { return one.sender != nullptr; });
  if (!some) return first;
  return senders;
}

absl::Status InterfaceSenders::LookAt(One& one) {
  const absl::StatusOr<Interface> found = FindInterface(one.name, options_.v6);
  if (!found.ok()) {
    one.sender.reset();
    return found.status();
  }
  if (one.sender != nullptr && *found == one.as) return absl::OkStatus();
  one.sender.reset();
  ASSIGN_OR_RETURN(one.sender, OpenMulticastSender(one.name, options_));
  one.as = *found;
  return absl::OkStatus();
}

std::vector<std::string> InterfaceSenders::Look() {
  std::vector<std::string> lines;
  for (One& one : all_) {
    const IpAddress before = one.as.address;
    const bool was_there = one.sender != nullptr;
    const absl::Status looked = LookAt(one);
    std::string wrong(looked.message());
    const size_t most = LargestPacket(one.name), needed = options_.frame_size + HeaderBytes(options_.v6);
    if (looked.ok() && options_.frame_size > 0 && most > 0 && most < needed) {
      wrong = "interface " + one.name + " takes packets of " + std::to_string(most) +
              " bytes, and the largest frames need " + std::to_string(needed) + ": set frame_size to " +
              std::to_string(most - HeaderBytes(options_.v6)) + " or less, or raise its MTU";
    }
    if (wrong != one.told && !wrong.empty()) {
      lines.push_back(wrong + "; those behind it follow by unicast meanwhile");
    } else if (wrong.empty() && (!one.told.empty() || (was_there && !(before == one.as.address)))) {
      lines.push_back("multicast goes out of interface " + one.name + " from " + one.as.address.ToText());
    }
    one.told = wrong;
  }
  return lines;
}

bool InterfaceSenders::incomplete() const {
  return std::any_of(all_.begin(), all_.end(), [](const One& one) { return one.sender == nullptr; });
}

std::vector<std::pair<std::string, std::string>> InterfaceSenders::outs() const {
  std::vector<std::pair<std::string, std::string>> outs;
  for (const One& one : all_) outs.emplace_back(one.name, one.as.index == 0 ? "" : one.as.address.ToText());
  return outs;
}

std::string InterfaceSenders::sources() const {
  std::string text;
  for (const auto& [name, source] : outs()) {
    if (!source.empty()) text += (text.empty() ? "" : ",") + source;
  }
  return text;
}

size_t InterfaceSenders::Send(const std::string& group, uint16_t port, const std::vector<std::string>& datagrams) {
  size_t most = 0;
  bool some = false;
  for (const One& one : all_) {
    if (one.sender == nullptr) continue;
    some = true;
    most = std::max(most, one.sender->Send(group, port, datagrams));
  }
  return some ? most : datagrams.size();
}

}  // namespace replicast::net
