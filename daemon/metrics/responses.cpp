// SPDX-License-Identifier: Apache-2.0
#include "metrics/responses.hpp"

#include <cstdint>
#include <string>

#include <microhttpd.h>

#include "metrics/render.hpp"

namespace relinkd::metrics {

namespace {

/// What a body under way has still to send of the current piece.
struct Body {
  Scrape scrape;
  std::string piece{};
  std::size_t sent = 0;
};

ssize_t read_body(void* context, std::uint64_t /*position*/, char* buffer, std::size_t size) {
  auto* body = static_cast<Body*>(context);
  if (body->sent == body->piece.size()) {
    body->piece = body->scrape.next();
    body->sent = 0;
    if (body->piece.empty()) return MHD_CONTENT_READER_END_OF_STREAM;
  }
  const std::size_t n = body->piece.copy(buffer, size, body->sent);
  body->sent += n;
  return static_cast<ssize_t>(n);
}

}  // namespace

void ResponseDeleter::operator()(MHD_Response* response) const { MHD_destroy_response(response); }

Response fixed_response(std::string_view body, const char* content_type) {
  Response response(MHD_create_response_from_buffer(
      body.size(), const_cast<char*>(body.data()),  // NOLINT(cppcoreguidelines-pro-type-const-cast)
      MHD_RESPMEM_PERSISTENT));
  if (response) {
    MHD_add_response_header(response.get(), MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
  }
  return response;
}

Response metrics_response(const Numbers& numbers, bool head, std::size_t piece) {
  auto body = std::make_unique<Body>(Body{Scrape(numbers)});
  Response response(
      MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, piece, &read_body, body.get(),
                                        [](void* context) { delete static_cast<Body*>(context); }));
  if (!response) return response;
  // libmicrohttpd 0.9.75 ends even the answer to HEAD by an empty chunk, which the client would
  // take for the beginning of the next answer. Without chunks it closes the connection instead.
  if (head) {
    MHD_set_response_options(response.get(), MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
  }
  body.release();  // NOLINT(bugprone-unused-return-value): the response deletes it
  MHD_add_response_header(response.get(), MHD_HTTP_HEADER_CONTENT_TYPE,
                          "text/plain; version=0.0.4; charset=utf-8");
  return response;
}

}  // namespace relinkd::metrics
