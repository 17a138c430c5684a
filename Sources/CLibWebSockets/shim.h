#pragma once

#include <libwebsockets.h>

/// Bytes that must lie before the payload handed to `lws_write`; a macro there, so Swift does not see it.
static inline int lws_shim_pre(void) { return LWS_PRE; }
