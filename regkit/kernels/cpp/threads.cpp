#include "threads.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#ifdef _WIN32
#include <process.h>
static int process_id() { return _getpid(); }
#else
#include <unistd.h>
static int process_id() { return static_cast<int>(getpid()); }
#endif

namespace loops {
namespace {

constexpr Index kParts = 16;  // for each thread: small enough that none waits long for another

// To be woken takes longer than a small loop. Between two of them a thread looks so long whether
// there is work before it sleeps: Python needs no longer from one call to the next.
constexpr std::chrono::microseconds kPatience{50};
constexpr int kLooks = 16;  // between two looks at the clock

inline void pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) && defined(__GNUC__)
    __asm__ volatile("yield");
#endif
}

// Whether `ready` has come true before long.
template <class F>
bool soon(F &&ready) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    do {
        for (int look = 0; look < kLooks; ++look) {
            if (ready()) return true;
            pause();
        }
        std::this_thread::yield();  // to whoever else is on this processor
    } while (std::chrono::steady_clock::now() < end);
    return ready();
}

struct Work {
    Index count, part;
    Body body;
    void *context;
    std::atomic<Index> next{0};
    std::atomic<bool> failed{false};
    std::exception_ptr error;

    Work(Index rows, Index rows_a_part, Body what, void *with)
        : count(rows), part(rows_a_part), body(what), context(with) {}

    void take() {
        try {
            for (Index first; !failed && (first = next.fetch_add(part)) < count;)
                for (Index row = first; row < smaller(first + part, count); ++row)
                    body(context, row);
        } catch (...) {
            if (!failed.exchange(true)) error = std::current_exception();
        }
    }
};

// Threads that wait for work. It is never destroyed: they end with the process.
class Pool {
  public:
    const int process = process_id();

    // False where others are at work: a pool does one thing at a time.
    bool run(Work &work, int helpers) {
        std::unique_lock<std::mutex> turn(busy_, std::try_to_lock);
        if (!turn) return false;
        {
            std::lock_guard<std::mutex> lock(mutex_);
            while (static_cast<int>(threads_.size()) < helpers)
                threads_.emplace_back([this, n = static_cast<int>(threads_.size())] { wait(n); });
            work_ = &work;
            wanted_ = helpers;
            ++turn_;
        }
        wake_.notify_all();
        work.take();
        {
            // Who comes now comes too late, and is not waited for: on a busy machine that is long.
            std::lock_guard<std::mutex> lock(mutex_);
            work_ = nullptr;
        }
        const auto done = [this] { return inside_ == 0; };
        if (!soon(done)) {
            std::unique_lock<std::mutex> lock(mutex_);
            done_.wait(lock, done);
        }
        return true;
    }

  private:
    void wait(int number) {
        long seen = 0;
        for (;;) {
            const auto wanted = [&] { return turn_ != seen && number < wanted_; };
            soon(wanted);
            Work *work;
            {
                std::unique_lock<std::mutex> lock(mutex_);
                wake_.wait(lock, wanted);
                seen = turn_;
                work = work_;
                if (work == nullptr) continue;
                ++inside_;
            }
            work->take();
            std::lock_guard<std::mutex> lock(mutex_);
            if (--inside_ == 0) done_.notify_one();
        }
    }

    std::mutex busy_, mutex_;
    std::condition_variable wake_, done_;
    std::vector<std::thread> threads_;
    Work *work_ = nullptr;
    std::atomic<int> wanted_{0}, inside_{0};
    std::atomic<long> turn_{0};
};

// A child of fork() has none of its parent's threads, and gets a pool of its own.
Pool &pool() {
    static std::atomic<Pool *> current{nullptr};
    Pool *found = current.load();
    if (found != nullptr && found->process == process_id()) return *found;
    Pool *fresh = new Pool;
    if (current.compare_exchange_strong(found, fresh)) return *fresh;
    delete fresh;
    return *current.load();
}

int processors() {
    static const int found = larger(static_cast<int>(std::thread::hardware_concurrency()), 1);
    return found;
}

// As OpenMP has it: what the environment asks for, else all.
int usual_count() {
    const char *asked = std::getenv("OMP_NUM_THREADS");
    const int bound = asked == nullptr ? 0 : std::atoi(asked);
    return bound > 0 ? smaller(bound, processors()) : processors();
}

thread_local int chosen = 0;

}  // namespace

int thread_count() {
    static const int usual = usual_count();
    return chosen > 0 ? chosen : usual;
}

void set_thread_count(int count) { chosen = smaller(count, processors()); }

void run_rows(Index count, Body body, void *context) {
    const Index threads = smaller<Index>(thread_count(), count);
    Work work(count, larger<Index>(1, count / (kParts * larger<Index>(threads, 1))), body, context);
    if (threads < 2 || !pool().run(work, static_cast<int>(threads) - 1)) work.take();
    if (work.failed) std::rethrow_exception(work.error);
}

}  // namespace loops
