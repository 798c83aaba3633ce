// SPDX-License-Identifier: Apache-2.0
#include "control/message.hpp"

#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "control/json_writer.hpp"

namespace relinkd::control {

namespace {

using Json = nlohmann::ordered_json;

Result<Json> parse_object(std::string_view text) {
  if (!json_depth_within(text, kMaxDepth)) {
    return Error{fmt::format("the JSON is nested deeper than {} levels", kMaxDepth)};
  }
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return Error{"the message is not JSON"};
  if (!json.is_object()) return Error{"the message is not a JSON object"};
  return json;
}

/// The flag `name`, false if absent; nothing if it is no boolean.
std::optional<bool> flag(const Json& object, const char* name) {
  const auto at = object.find(name);
  if (at == object.end() || at->is_null()) return false;
  if (!at->is_boolean()) return std::nullopt;
  return at->get<bool>();
}

Parameter parameter(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number()) return value.get<double>();
  if (value.is_string()) return value.get<std::string>();
  return {};
}

}  // namespace

Result<Call> parse_call(std::string_view text) {
  const auto json = parse_object(text);
  if (!json) return json.error();
  Call call;
  const auto method = json->find("method");
  if (method == json->end() || !method->is_string()) {
    return Error{R"(the call has no "method" that is a string)"};
  }
  call.method = method->get<std::string>();
  const auto more = flag(*json, "more");
  const auto oneway = flag(*json, "oneway");
  const auto upgrade = flag(*json, "upgrade");
  if (!more || !oneway || !upgrade) {
    return Error{R"("more", "oneway" and "upgrade" must be true or false)"};
  }
  if (*upgrade) return Error{R"("upgrade" is not offered here)"};
  if (*more && *oneway) return Error{R"("more" and "oneway" contradict each other)"};
  call.more = *more;
  call.oneway = *oneway;
  const auto parameters = json->find("parameters");
  if (parameters == json->end() || parameters->is_null()) return call;
  if (!parameters->is_object()) return Error{R"("parameters" must be an object)"};
  for (const auto& [name, value] : parameters->items()) {
    if (!value.is_null()) call.parameters[name] = parameter(value);
  }
  return call;
}

Result<Reply> parse_reply(std::string_view text) {
  const auto json = parse_object(text);
  if (!json) return json.error();
  Reply reply;
  const auto continues = flag(*json, "continues");
  if (!continues) return Error{R"("continues" must be true or false)"};
  reply.continues = *continues;
  const auto parameters = json->find("parameters");
  const bool given = parameters != json->end() && !parameters->is_null();
  if (given && !parameters->is_object()) return Error{R"("parameters" must be an object)"};
  reply.parameters = given ? parameters->dump() : "{}";
  const auto error = json->find("error");
  if (error == json->end() || error->is_null()) return reply;
  if (!error->is_string()) return Error{R"("error" must be a string)"};
  reply.error = error->get<std::string>();
  if (!given) return reply;
  for (const auto& [name, value] : parameters->items()) {
    if (value.is_string() && (name == "reason" || reply.reason.empty())) {
      reply.reason = value.get<std::string>();
    }
  }
  return reply;
}

Result<std::string> encode_call(const std::string& method, const std::string& parameters,
                                bool more) {
  auto object = parse_object(parameters);
  if (!object) return object.error();
  JsonWriter call;
  call.open_object().key("method").string(method);
  if (more) call.key("more").boolean(true);
  call.key("parameters");
  return call.take() + object->dump() + "}" + '\0';
}

std::string encode_reply(std::string_view parameters, bool continues) {
  return fmt::format(R"({{"parameters":{}{}}})", parameters,
                     continues ? R"(,"continues":true)" : "") +
         '\0';
}

std::string encode_description(std::string_view description) {
  JsonWriter parameters;
  parameters.open_object().key("description").string(description).close_object();
  return encode_reply(parameters.take(), false);
}

std::string encode_error(
    std::string_view error,
    std::initializer_list<std::pair<std::string_view, std::string_view>> parameters) {
  JsonWriter reply;
  reply.open_object().key("error").string(error).key("parameters").open_object();
  for (const auto& [name, value] : parameters) reply.key(name).string(value);
  return reply.close_object().close_object().take() + '\0';
}

}  // namespace relinkd::control
