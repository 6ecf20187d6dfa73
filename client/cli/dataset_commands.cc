#include <absl/strings/match.h>

#include <map>
#include <memory>

#include "client/cli/connection.h"
#include "client/cli/context.h"
#include "client/cli/definition_arguments.h"
#include "client/cli/json_output.h"
#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "common/base/random.h"
#include "replicast/v1/admin_service.grpc.pb.h"

namespace replicast::cli {
namespace {

using AdminStub = v1::AdminService::Stub;

std::string StateText(const v1::Dataset& dataset) {
  switch (dataset.state()) {
    case v1::DATASET_STATE_BUILDING:
      return "building";
    case v1::DATASET_STATE_READY:
      return "ready";
    case v1::DATASET_STATE_STOPPED:
      return "stopped: " + dataset.state_reason();
    default:
      return "unknown";
  }
}

std::string FilterOf(const v1::Dataset& dataset, const std::string& table) {
  for (const v1::TableDefinition& part : dataset.definition().tables()) {
    if (absl::EqualsIgnoreCase(part.name(), table)) return part.filter();
  }
  return "";
}

void PrintDataset(const v1::Dataset& dataset) {
  std::printf("dataset     %s\nstate       %s\nrows        %s\ndefinition  %s\n", dataset.name().c_str(),
              StateText(dataset).c_str(), HumanCount(dataset.row_count()).c_str(),
              HexEncode(dataset.definition_hash()).c_str());
  if (dataset.definition().all_tables()) {
    std::string except;
    for (const std::string& name : dataset.definition().except())
      except += (except.empty() ? " but for " : ", ") + name;
    std::printf("holds       the whole database%s\n", except.c_str());
  }
  for (const v1::TableSchema& table : dataset.schema().tables()) {
    std::string columns;
    for (const auto& column : table.columns()) columns += (columns.empty() ? "" : ", ") + column.name();
    const std::string filter = FilterOf(dataset, table.name());
    std::printf("table       %s(%s)%s%s\n", table.name().c_str(), columns.c_str(), filter.empty() ? "" : " where ",
                filter.c_str());
  }
  for (const v1::ViewSchema& view : dataset.schema().views()) std::printf("view        %s\n", view.name().c_str());
}

absl::Status Create(const Context& context, const std::string& name, const DefinitionArguments& definition) {
  v1::CreateDatasetRequest request;
  request.set_name(name);
  ASSIGN_OR_RETURN(*request.mutable_definition(), ParseDefinition(definition));
  SystemRandom random;
  request.set_request_id(random.Bytes(16));
  ASSIGN_OR_RETURN(Connection connection, Connection::Open(context));
  ASSIGN_OR_RETURN(const v1::CreateDatasetResponse response,
                   connection.Call<v1::AdminService>(&AdminStub::CreateDataset, request));
  if (context.json)
    PrintJson(ToJson(response));
  else
    std::printf("dataset %s created; make a token for a replica:  replicast token create --dataset %s\n", name.c_str(),
                name.c_str());
  return absl::OkStatus();
}

absl::Status Alter(const Context& context, const std::string& name, const DefinitionArguments& definition) {
  v1::AlterDatasetRequest request;
  request.set_name(name);
  ASSIGN_OR_RETURN(*request.mutable_definition(), ParseDefinition(definition));
  SystemRandom random;
  request.set_request_id(random.Bytes(16));
  ASSIGN_OR_RETURN(Connection connection, Connection::Open(context));
  ASSIGN_OR_RETURN(const v1::AlterDatasetResponse response,
                   connection.Call<v1::AdminService>(&AdminStub::AlterDataset, request));
  if (context.json)
    PrintJson(ToJson(response));
  else
    std::printf("dataset %s altered; its replicas go over to it, and readers see what they had until then\n",
                name.c_str());
  return absl::OkStatus();
}

absl::Status List(const Context& context) {
  ASSIGN_OR_RETURN(Connection connection, Connection::Open(context));
  v1::ListDatasetsRequest request;
  v1::ListDatasetsResponse all;
  do {
    ASSIGN_OR_RETURN(v1::ListDatasetsResponse page,
                     connection.Call<v1::AdminService>(&AdminStub::ListDatasets, request));
    request.set_page_token(page.next_page_token());
    all.mutable_datasets()->MergeFrom(page.datasets());
  } while (!request.page_token().empty());
  if (context.json) {
    PrintJson(ToJson(all));
    return absl::OkStatus();
  }
  std::vector<std::vector<std::string>> rows = {{"DATASET", "ROWS", "TABLES", "STATE"}};
  for (const auto& dataset : all.datasets()) {
    std::string tables;
    for (const auto& table : dataset.schema().tables()) tables += (tables.empty() ? "" : ",") + table.name();
    rows.push_back({dataset.name(), HumanCount(dataset.row_count()), tables, StateText(dataset)});
  }
  PrintTable(rows);
  return absl::OkStatus();
}

absl::Status Show(const Context& context, const std::string& name) {
  ASSIGN_OR_RETURN(Connection connection, Connection::Open(context));
  v1::GetDatasetRequest request;
  request.set_name(name);
  ASSIGN_OR_RETURN(const v1::GetDatasetResponse response,
                   connection.Call<v1::AdminService>(&AdminStub::GetDataset, request));
  if (context.json)
    PrintJson(ToJson(response));
  else
    PrintDataset(response.dataset());
  return absl::OkStatus();
}

absl::Status Delete(const Context& context, const std::string& name) {
  ASSIGN_OR_RETURN(Connection connection, Connection::Open(context));
  v1::DeleteDatasetRequest request;
  request.set_name(name);
  ASSIGN_OR_RETURN(const v1::DeleteDatasetResponse response,
                   connection.Call<v1::AdminService>(&AdminStub::DeleteDataset, request));
  if (context.json)
    PrintJson(ToJson(response));
  else
    std::printf("dataset %s deleted; its replicas keep the rows that they have\n", name.c_str());
  return absl::OkStatus();
}

void AddDefinitionOptions(CLI::App& command, DefinitionArguments& definition) {
  command.add_option("--table", definition.tables, "TABLE, or TABLE:column,column…; repeat for several");
  command.add_option("--where", definition.filters, "TABLE=EXPRESSION: only rows for which the SQL expression is true");
  command.add_flag("--all", definition.all_tables,
                   "The whole database: every other table too, also those that come later");
  command.add_option("--except", definition.except, "With --all: TABLE to leave out; repeat for several");
}

}  // namespace

void AddDatasetCommands(CLI::App& app, Context& context) {
  CLI::App* dataset = app.add_subcommand("dataset", "Create, alter, list, show and delete datasets");
  dataset->require_subcommand(1);
  struct Arguments {
    std::string name;
    DefinitionArguments definition;
  };
  auto arguments = std::make_shared<Arguments>();

  CLI::App* create =
      dataset->add_subcommand("create", "A named piece of the master: tables, columns, an optional row filter each");
  create->add_option("NAME", arguments->name, "Its name")->required();
  AddDefinitionOptions(*create, arguments->definition);
  create->footer(
      "Example:\n  replicast dataset create libraries --table package:id,name,version --where "
      "\"package=section='libs'\"\n  replicast dataset create everything --all --except sessions");
  create->callback([&context, arguments] {
    context.command = [&context, arguments](int*) { return Create(context, arguments->name, arguments->definition); };
  });

  CLI::App* alter = dataset->add_subcommand(
      "alter",
      "Another definition under the same name; its replicas go over to it, and fetch only what they don't have");
  alter->add_option("NAME", arguments->name)->required();
  AddDefinitionOptions(*alter, arguments->definition);
  alter->footer(
      "Example:\n  replicast dataset alter libraries --table package:id,name,version,size --where "
      "\"package=section='libs'\"\n\nA dataset that is stopped begins again with the same definition.");
  alter->callback([&context, arguments] {
    context.command = [&context, arguments](int*) { return Alter(context, arguments->name, arguments->definition); };
  });

  CLI::App* list = dataset->add_subcommand("list", "All datasets");
  list->footer("Example:\n  replicast dataset list --json");
  list->callback([&context] { context.command = [&context](int*) { return List(context); }; });

  CLI::App* show = dataset->add_subcommand("show", "One dataset: tables, columns, filter, state");
  show->add_option("NAME", arguments->name)->required();
  show->footer("Example:\n  replicast dataset show libraries");
  show->callback([&context, arguments] {
    context.command = [&context, arguments](int*) { return Show(context, arguments->name); };
  });

  CLI::App* remove = dataset->add_subcommand("delete", "Stop publishing a dataset");
  remove->add_option("NAME", arguments->name)->required();
  remove->footer("Example:\n  replicast dataset delete libraries");
  remove->callback([&context, arguments] {
    context.command = [&context, arguments](int*) { return Delete(context, arguments->name); };
  });
}

}  // namespace replicast::cli
