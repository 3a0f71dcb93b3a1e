#pragma once

#include <backgrad/backgrad.h>
#include <backgrad/error.hpp>

#include <exception>
#include <new>

namespace backgrad::c {

/// Keeps the message for backgrad_last_error, cut to the room that is there: keeping it may not fail.
void record_error(const char* message) noexcept;

/// Runs what may throw and turns it into a status.
template <class Body>
backgrad_status guarded(const Body& body) noexcept {
    try {
        body();
        return BACKGRAD_OK;
    } catch (const Error& error) {
        record_error(error.what());
        return BACKGRAD_INVALID_ARGUMENT;
    } catch (const std::bad_alloc&) {
        record_error("out of memory");
        return BACKGRAD_OUT_OF_MEMORY;
    } catch (const std::exception& error) {
        record_error(error.what());
        return BACKGRAD_FAILURE;
    } catch (...) {
        record_error("unknown exception");
        return BACKGRAD_FAILURE;
    }
}

/// What a pointer argument points to. Throws Error for a null pointer.
template <class T>
T& required(T* pointer, const char* argument) {
    if (pointer == nullptr) throw Error(argument, "a pointer", "a null pointer");
    return *pointer;
}

}  // namespace backgrad::c
