/*
 * The least that a relay can cost: one thread, epoll, and nothing between the bytes of the client and those of
 * the backend. It dials the backend once the client has sent something, passes on FIN behind the last byte, and
 * answers an error on one side with a reset of the other.
 *
 * Usage: relay PORT BACKEND_PORT (both on 127.0.0.1)
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, CHUNK = 65536 };

/* One socket. `rest` is what it could not take yet; while there is some, its peer is not read. */
struct end {
  int fd;
  uint32_t watched;
  int has_ended; /* it has sent FIN */
  char *rest;
  size_t rest_at, rest_length;
  struct end *peer; /* of a client without bytes so far: NULL */
  struct end *next_dead;
};

static int epoll;
static struct sockaddr_in backend;
static struct end *dead; /* freed after the events of this turn, which may still name them */

static void watch(struct end *end) {
  uint32_t events = end->rest ? EPOLLOUT : 0;
  if (!end->has_ended && !(end->peer && end->peer->rest)) events |= EPOLLIN;
  if (events == end->watched) return;
  struct epoll_event event = {.events = events, .data.ptr = end};
  epoll_ctl(epoll, EPOLL_CTL_MOD, end->fd, &event);
  end->watched = events;
}

static struct end *add(int fd, struct end *peer) {
  struct end *end = calloc(1, sizeof *end);
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  end->fd = fd;
  end->peer = peer;
  struct epoll_event event = {.events = 0, .data.ptr = end};
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  return end;
}

static void drop(struct end *end, int is_reset) {
  if (!end || end->fd < 0) return;
  struct linger reset = {1, 0};
  if (is_reset) setsockopt(end->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  close(end->fd);
  end->fd = -1;
  end->next_dead = dead;
  dead = end;
}

static void drop_both(struct end *end, int is_reset) {
  struct end *peer = end->peer;
  drop(end, is_reset);
  drop(peer, is_reset);
}

/* Writes what it can. Returns 0 if the socket is broken. */
static int put(struct end *end, const char *bytes, size_t length) {
  ssize_t written = length ? send(end->fd, bytes, length, MSG_NOSIGNAL) : 0;
  if (written < 0) {
    if (errno != EAGAIN) return 0;
    written = 0;
  }
  if ((size_t)written < length) {
    char *rest = malloc(length - written);
    memcpy(rest, bytes + written, length - written);
    free(end->rest);
    end->rest = rest;
    end->rest_at = 0;
    end->rest_length = length - written;
  } else {
    free(end->rest);
    end->rest = NULL;
  }
  if (!end->rest && end->peer->has_ended) shutdown(end->fd, SHUT_WR);
  return 1;
}

/* The first bytes wait as `rest` until the connection is there. */
static void dial(struct end *client, const char *bytes, size_t length) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  connect(fd, (struct sockaddr *)&backend, sizeof backend);
  client->peer = add(fd, client);
  client->peer->rest = malloc(length);
  memcpy(client->peer->rest, bytes, length);
  client->peer->rest_length = length;
}

static void on_event(struct end *end, uint32_t events) {
  static char chunk[CHUNK];
  if (end->fd < 0) return;
  if (events & EPOLLERR) return drop_both(end, 1);
  if (events & EPOLLOUT && end->rest) {
    char *at = end->rest + end->rest_at;
    ssize_t written = send(end->fd, at, end->rest_length, MSG_NOSIGNAL);
    if (written < 0 && errno != EAGAIN) return drop_both(end, 1);
    if (written > 0) {
      end->rest_at += written;
      end->rest_length -= written;
    }
    if (end->rest_length == 0 && !put(end, NULL, 0)) return drop_both(end, 1);
  }
  if (events & EPOLLIN && !end->has_ended) {
    ssize_t length = recv(end->fd, chunk, sizeof chunk, 0);
    if (length < 0 && errno != EAGAIN) return drop_both(end, 1);
    if (length == 0) {
      if (!end->peer) return drop(end, 0);
      end->has_ended = 1;
      if (!end->peer->rest) shutdown(end->peer->fd, SHUT_WR);
    } else if (length > 0) {
      if (!end->peer) dial(end, chunk, length);
      else if (!put(end->peer, chunk, length)) return drop_both(end, 1);
    }
  }
  if (end->peer && end->has_ended && end->peer->has_ended && !end->rest && !end->peer->rest)
    return drop_both(end, 0);
  watch(end);
  if (end->peer) watch(end->peer);
}

int main(int count, char **arguments) {
  if (count != 3) return 2;
  signal(SIGPIPE, SIG_IGN);
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(atoi(arguments[1]))};
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  backend = own;
  backend.sin_port = htons(atoi(arguments[2]));
  int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&own, sizeof own) || listen(listener, 511)) return 1;
  epoll = epoll_create1(0);
  struct epoll_event accepting = {.events = EPOLLIN, .data.ptr = NULL}, events[EVENTS];
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &accepting);
  for (;;) {
    int ready = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < ready; i++) {
      if (events[i].data.ptr) {
        on_event(events[i].data.ptr, events[i].events);
        continue;
      }
      int fd;
      while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) watch(add(fd, NULL));
    }
    while (dead) {
      struct end *end = dead;
      dead = end->next_dead;
      free(end->rest);
      free(end);
    }
  }
}
