// Run the rows of an array on several threads.
//
// Every row writes what is its own, so the same input gives the same bytes whatever the number of
// threads, and whichever of them takes a row.
#pragma once

#include <type_traits>

#include "view.hpp"

namespace loops {

using Body = void (*)(void *context, Index row);

int thread_count();               // of the calling thread
void set_thread_count(int count); // 0 for as many as there are
void run_rows(Index count, Body body, void *context);

template <class F>
void for_rows(Index count, F &&f) {
    using Plain = std::remove_reference_t<F>;
    run_rows(count, [](void *context, Index row) { (*static_cast<Plain *>(context))(row); }, &f);
}

}  // namespace loops
