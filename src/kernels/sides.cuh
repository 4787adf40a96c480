#pragma once

/// Bodies that the host library holds too are compiled for both sides here.
#define FOD_SIDES __host__ __device__
