/* A receiving SMTP server that does next to nothing, for the delivery bench: light_sink PORT
 *
 * One thread, epoll, PIPELINING. It takes every mail, keeps none, and counts. Connect and say STAT to read
 * "211 MAILS BYTES"; SIGTERM ends it. Loopback only. A message ends at CRLF.CRLF wherever reads may cut it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 4096, ROOM = 1 << 18, OUT = 1 << 14 };

struct peer {
  size_t held;      /* bytes in `in` not yet understood */
  int message;      /* between DATA and its dot */
  int leaving;
  size_t out_held;
  char out[OUT];
  char in[ROOM];
};

static struct peer *peers[MOST];
static long mails, bytes;
static int watcher;

static void say(struct peer *p, const char *line) {
  size_t size = strlen(line);
  if (p->out_held + size <= OUT) {
    memcpy(p->out + p->out_held, line, size);
    p->out_held += size;
  }
}

static void let_go(int fd) {
  free(peers[fd]);
  peers[fd] = NULL;
  close(fd);
}

/* the end of the message in [at, end), or NULL */
static char *dot(char *at, char *end) { return memmem(at, (size_t)(end - at), "\r\n.\r\n", 5); }

static void command(struct peer *p, const char *line) {
  char text[80];
  if (!strncasecmp(line, "EHLO", 4))
    say(p, "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 99999999\r\n");
  else if (!strncasecmp(line, "DATA", 4)) {
    say(p, "354 go\r\n");
    p->message = 1;
  } else if (!strncasecmp(line, "QUIT", 4)) {
    say(p, "221 bye\r\n");
    p->leaving = 1;
  } else if (!strncasecmp(line, "STAT", 4)) {
    snprintf(text, sizeof text, "211 %ld %ld\r\n", mails, bytes);
    say(p, text);
  } else
    say(p, "250 ok\r\n");
}

static void understand(int fd) {
  struct peer *p = peers[fd];
  char *at = p->in, *end = p->in + p->held;
  while (at < end && !p->leaving) {
    if (p->message) {
      char *stop = dot(at, end);
      if (!stop) { /* keep what may be the beginning of the end */
        size_t tail = (size_t)(end - at) < 4 ? (size_t)(end - at) : 4;
        bytes += (end - at) - (long)tail;
        at = end - tail;
        break;
      }
      bytes += stop + 5 - at;
      at = stop + 5;
      p->message = 0;
      mails++;
      say(p, "250 2.0.0 taken\r\n");
      continue;
    }
    char *line_end = memchr(at, '\n', (size_t)(end - at));
    if (!line_end) break;
    *line_end = 0;
    command(p, at);
    at = line_end + 1;
  }
  p->held = (size_t)(end - at);
  memmove(p->in, at, p->held);
  if (p->out_held) {
    ssize_t written = write(fd, p->out, p->out_held);
    p->out_held = 0;
    if (written < 0 || p->leaving) let_go(fd);
  }
}

static void welcome(int listener) {
  int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK), one = 1;
  if (fd < 0) return;
  if (fd >= MOST || !(peers[fd] = calloc(1, sizeof(struct peer)))) {
    close(fd);
    return;
  }
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  struct epoll_event wish = {.events = EPOLLIN, .data.fd = fd};
  epoll_ctl(watcher, EPOLL_CTL_ADD, fd, &wish);
  if (write(fd, "220 sink\r\n", 10) < 0) let_go(fd);
}

int main(int count, char **words) {
  struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct epoll_event news[256], wish = {.events = EPOLLIN};
  int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  where.sin_port = htons(count > 1 ? (unsigned short)atoi(words[1]) : 0);
  signal(SIGPIPE, SIG_IGN);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&where, sizeof where) || listen(listener, 1024)) {
    perror("light_sink");
    return 1;
  }
  watcher = epoll_create1(0);
  wish.data.fd = listener;
  epoll_ctl(watcher, EPOLL_CTL_ADD, listener, &wish);
  for (;;) {
    int ready = epoll_wait(watcher, news, 256, -1);
    if (ready < 0 && errno != EINTR) return 1;
    for (int i = 0; i < ready; i++) {
      int fd = news[i].data.fd;
      if (fd == listener) {
        welcome(listener);
        continue;
      }
      struct peer *p = peers[fd];
      if (!p) continue;
      ssize_t got = read(fd, p->in + p->held, ROOM - p->held);
      if (got < 0 && errno == EAGAIN) continue;
      if (got <= 0 || p->held + (size_t)got >= ROOM) {
        let_go(fd);
        continue;
      }
      p->held += (size_t)got;
      understand(fd);
    }
  }
}
