/* The least that a client can do: the system calls of a transfer with a connection for each message, and nothing else.
 *
 *   floor PORT SESSIONS MESSAGES SIZE [again] [reset]
 *
 * One thread, one epoll (edge-triggered): EHLO, then MAIL, RCPT and DATA in one write, then content and QUIT in one.
 * Connections end by FIN or, with reset, by a reset after the answer to QUIT. With again a socket is connected again
 * instead of making a new one. Replies are not looked at, but for the one to QUIT; no latency is taken.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, REPLY = 65536, MOST = 1 << 20 };
enum stage { BANNER, EHLO, ENVELOPE, CONTENT, ENDING };

struct session {
    int fd;
    enum stage stage;
};

static const char hello[] = "EHLO client.example\r\n";
static const char envelope[] = "MAIL FROM:<load@client.example>\r\nRCPT TO:<sink@server.example>\r\nDATA\r\n";
static const char head[] = "From: <load@client.example>\r\nTo: <sink@server.example>\r\nSubject: load\r\n"
                           "Message-ID: <run.0.10000001@plumbline.invalid>\r\n\r\n";
static const char line[] = "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX\r\n";
static char content[MOST], reply[REPLY];
static size_t length;
static struct sockaddr_in target = {.sin_family = AF_INET};
static int poll_fd, again, reset;
static long left, unanswered;

static void check(int failed, const char *what)
{
    if (failed) {
        perror(what);
        exit(1);
    }
}

static void say(struct session *s, const char *text, size_t size, enum stage next)
{
    check(send(s->fd, text, size, 0) != (ssize_t)size, "send");
    s->stage = next;
}

static void make(struct session *s)
{
    int one = 1;
    struct linger none = {.l_onoff = 1};
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = s};
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    check(s->fd < 0, "socket");
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (reset && !again)
        setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, s->fd, &event);
}

static void begin(struct session *s)
{
    if (left <= 0)
        return;
    left--;
    s->stage = BANNER;
    check(connect(s->fd, (struct sockaddr *)&target, sizeof target) && errno != EINPROGRESS, "connect");
}

/* QUIT was answered. */
static void part(struct session *s)
{
    struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    unanswered--;
    if (again) {
        if (!reset)
            shutdown(s->fd, SHUT_WR);
        check(connect(s->fd, &nowhere, sizeof nowhere), "disconnect");
    } else {
        close(s->fd);
        make(s);
    }
    begin(s);
}

static void readable(struct session *s)
{
    ssize_t got = recv(s->fd, reply, sizeof reply, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    check(got < 0, "recv");
    if (s->stage == ENDING || !got) {
        if (got || s->stage != ENDING) {
            fprintf(stderr, "floor: an end where none belongs, or none where one does\n");
            exit(1);
        }
        part(s);
        return;
    }
    switch (s->stage) {
    case BANNER:
        say(s, hello, sizeof hello - 1, EHLO);
        break;
    case EHLO:
        say(s, envelope, sizeof envelope - 1, ENVELOPE);
        break;
    case ENVELOPE:
        say(s, content, length, CONTENT);
        break;
    default:
        if (!memmem(reply, (size_t)got, "221", 3))
            return;
        s->stage = ENDING;
        if (!again || reset)
            part(s);
        else
            readable(s); /* the peer's end may be there already */
    }
}

int main(int count, char **words)
{
    struct epoll_event events[EVENTS];
    if (count < 5)
        return 2;
    int sessions = atoi(words[2]);
    size_t size = strtoul(words[4], NULL, 10);
    for (int i = 5; i < count; i++) {
        again |= !strcmp(words[i], "again");
        reset |= !strcmp(words[i], "reset");
    }
    if (size > MOST / 2)
        return 2;
    left = unanswered = atol(words[3]);
    target.sin_port = htons((unsigned short)atoi(words[1]));
    target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    poll_fd = epoll_create1(0);
    length = (size_t)sprintf(content, "%s", head);
    for (size_t at = 0; at < size; at += sizeof line - 1)
        length += (size_t)sprintf(content + length, "%s", line);
    length += (size_t)sprintf(content + length, ".\r\nQUIT\r\n");
    struct session *all = calloc((size_t)sessions, sizeof *all);
    for (int i = 0; i < sessions; i++) {
        make(&all[i]);
        begin(&all[i]);
    }
    while (unanswered > 0) {
        int ready = epoll_wait(poll_fd, events, EVENTS, -1);
        for (int i = 0; i < ready; i++)
            if (events[i].events & EPOLLIN)
                readable(events[i].data.ptr);
    }
    return 0;
}
