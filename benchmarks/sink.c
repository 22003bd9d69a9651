/* A fast SMTP sink with PIPELINING and CHUNKING: one thread, one epoll, nothing kept but counts.
 *
 *   sink PORT [N]   listens on 127.0.0.1:PORT (0: any), prints the port, and on SIGTERM or SIGINT its counts:
 *                   messages=N connections=N octets=N
 *
 * With N every message takes N microseconds (asleep, one at a time), so that its capacity is known.
 * Replies of all commands that came in one read go out in one write, as RFC 2920 asks of a server.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 262144, LINE_SIZE = 4096, REPLY_SIZE = 262144, EVENTS = 256 };

/* How much of CR LF . CR LF has been seen. */
enum progress { NOTHING, CR, CRLF, CRLF_DOT, CRLF_DOT_CR };

struct session {
    int fd;
    int in_data;
    int last;              /* whether the chunk that is being read is the last of its message */
    unsigned long chunk;   /* octets of it that are still to come */
    int closing;
    enum progress progress;
    size_t line_length;
    char line[LINE_SIZE];
};

static unsigned long messages, connections, octets;
static char input[READ_SIZE];
static char reply[REPLY_SIZE]; /* to the session that is being read */
static size_t reply_length;
static useconds_t pause_time;

static void report(int number)
{
    (void)number;
    fprintf(stderr, "messages=%lu connections=%lu octets=%lu\n", messages, connections, octets);
    _exit(0);
}

static void say(struct session *s, const char *text)
{
    size_t length = strlen(text);
    if (reply_length + length > REPLY_SIZE) {
        s->closing = 1;
        return;
    }
    memcpy(reply + reply_length, text, length);
    reply_length += length;
}

static void chunk_ends(struct session *s)
{
    if (s->last && pause_time)
        usleep(pause_time);
    messages += (unsigned long)s->last;
    say(s, s->last ? "250 2.0.0 Ok: queued\r\n" : "250 2.0.0 Ok\r\n");
}

static void command(struct session *s)
{
    const char *verb = s->line_length >= 4 ? s->line : "????";
    if (!strncasecmp(verb, "MAIL", 4)) {
        say(s, "250 2.1.0 Ok\r\n");
    } else if (!strncasecmp(verb, "RCPT", 4)) {
        say(s, "250 2.1.5 Ok\r\n");
    } else if (!strncasecmp(verb, "DATA", 4)) {
        say(s, "354 End data with <CR><LF>.<CR><LF>\r\n");
        s->in_data = 1;
        s->progress = CRLF;
    } else if (!strncasecmp(verb, "BDAT", 4)) {
        char *rest;
        s->chunk = strtoul(s->line + 4, &rest, 10);
        s->last = !strncasecmp(rest, " LAST", 5);
        if (!s->chunk)
            chunk_ends(s);
    } else if (!strncasecmp(verb, "EHLO", 4)) {
        say(s, "250-sink\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n");
    } else if (!strncasecmp(verb, "HELO", 4)) {
        say(s, "250 sink\r\n");
    } else if (!strncasecmp(verb, "RSET", 4) || !strncasecmp(verb, "NOOP", 4)) {
        say(s, "250 2.0.0 Ok\r\n");
    } else if (!strncasecmp(verb, "QUIT", 4)) {
        say(s, "221 2.0.0 Bye\r\n");
        s->closing = 1;
    } else {
        say(s, "500 5.5.2 Error\r\n");
    }
}

/* Content, until the line with the lone dot; returns how many octets belonged to it. */
static size_t content(struct session *s, const char *data, size_t length)
{
    size_t at = 0;
    while (at < length) {
        if (s->progress == NOTHING) {
            const char *found = memchr(data + at, '\r', length - at);
            if (!found)
                return length;
            at = (size_t)(found - data) + 1;
            s->progress = CR;
            continue;
        }
        char c = data[at++];
        if (s->progress == CRLF_DOT_CR && c == '\n') {
            messages++;
            if (pause_time)
                usleep(pause_time);
            s->in_data = 0;
            say(s, "250 2.0.0 Ok: queued\r\n");
            return at;
        }
        if (s->progress == CR && c == '\n')
            s->progress = CRLF;
        else if (s->progress == CRLF && c == '.')
            s->progress = CRLF_DOT;
        else if (s->progress == CRLF_DOT && c == '\r')
            s->progress = CRLF_DOT_CR;
        else
            s->progress = c == '\r' ? CR : NOTHING;
    }
    return at;
}

static void feed(struct session *s, const char *data, size_t length)
{
    size_t at = 0;
    while (at < length && !s->closing) {
        if (s->in_data) {
            at += content(s, data + at, length - at);
            continue;
        }
        if (s->chunk) {
            size_t taken = s->chunk < length - at ? s->chunk : length - at;
            at += taken;
            s->chunk -= taken;
            if (!s->chunk)
                chunk_ends(s);
            continue;
        }
        const char *end = memchr(data + at, '\n', length - at);
        size_t part = end ? (size_t)(end - (data + at)) + 1 : length - at;
        if (s->line_length + part > LINE_SIZE) {
            s->closing = 1;
            return;
        }
        memcpy(s->line + s->line_length, data + at, part);
        s->line_length += part;
        at += part;
        if (end) {
            s->line[s->line_length - 1] = 0;
            command(s);
            s->line_length = 0;
        }
    }
}

static void end(struct session *s)
{
    close(s->fd);
    free(s);
}

static void flush(struct session *s)
{
    ssize_t written = reply_length ? write(s->fd, reply, reply_length) : 0;
    s->closing |= written != (ssize_t)reply_length;
    reply_length = 0;
}

static void readable(struct session *s)
{
    ssize_t got = read(s->fd, input, sizeof input);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        end(s);
        return;
    }
    octets += (unsigned long)got;
    feed(s, input, (size_t)got);
    flush(s);
    if (s->closing)
        end(s);
}

static void welcome(int poll, int listener)
{
    int one = 1, fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct session *s = calloc(1, sizeof *s);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};
        if (!s)
            exit(1);
        s->fd = fd;
        connections++;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
        say(s, "220 sink ESMTP\r\n");
        flush(s);
    }
}

static int listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    socklen_t length = sizeof address;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 4096)) {
        perror("sink");
        exit(1);
    }
    getsockname(fd, (struct sockaddr *)&address, &length);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(int count, char **words)
{
    struct epoll_event events[EVENTS], event = {.events = EPOLLIN};
    int listener = listen_on(count > 1 ? atoi(words[1]) : 0), poll = epoll_create1(0);
    pause_time = count > 2 ? (useconds_t)atoi(words[2]) : 0;
    prctl(PR_SET_TIMERSLACK, 1);
    signal(SIGTERM, report);
    signal(SIGINT, report);
    signal(SIGPIPE, SIG_IGN);
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(poll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr)
                readable(events[i].data.ptr);
            else
                welcome(poll, listener);
        }
    }
}
