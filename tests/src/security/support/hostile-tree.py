# Makes a tree of all that a file system can hold and an archive may stumble over, as root of the sandbox; prints what
# of it could not be made. With an argument: prints what is there, a line per file.
import hashlib, os, socket, stat, sys

ROOT = '/workspace/tree'


def make(name, work):
    try:
        work()
    except OSError as error:
        print('%s: %s' % (name, error.strerror))


def touch(path, text='x'):
    with open(path, 'w') as file:
        file.write(text)


def hard_links():
    touch('one', 'shared')
    os.link('one', 'two')
    os.symlink('one', 'name')
    os.link('name', 'same name', follow_symlinks=False)


def names():
    for name in [b'a\nb', b'-rf', b'--checkpoint-action=exec=touch owned', b'--to-command=sh', b'..a', b'...', b' ',
                 b'a\\n..', b'\x01\xff\xfe', b'~root', b'$(touch owned)', b'*', b'x' * 255, 'ü漢'.encode(), b'pax_global_header']:
        os.mkdir(b'in ' + name[:250])
        with open(b'in ' + name[:250] + b'/' + name, 'wb') as file:
            file.write(name)
    os.makedirs('upper/../workspace', exist_ok=True)


def links():
    for name, target in [('shadow', '/etc/shadow'), ('up', '../' * 12 + 'etc/passwd'), ('slash', '/'), ('self', 'self'),
                         ('here', '.'), ('long', 'x/' * 2000), ('line', 'a\n/etc/shadow'), ('key', '/proc/1/environ')]:
        os.symlink(target, name)


def setuid():
    for copy in ['id', '/opt/id']:
        make_setuid(copy)


def make_setuid(path):
    with open('/usr/bin/id', 'rb') as source, open(path, 'wb') as copy:
        copy.write(source.read())
    os.chmod(path, 0o6755)


def sparse():
    with open('sparse', 'wb') as file:
        file.truncate(1 << 40)


def attributes():
    touch('noted')
    os.setxattr('noted', 'user.banata', b'a\nb\0c=')


def capability():
    # cap_setuid, permitted and effective (capabilities(7), version 2).
    touch('able')
    os.chmod('able', 0o755)
    os.setxattr('able', 'security.capability', bytes.fromhex('0100000280000000000000000000000000000000'))


def main():
    os.makedirs(ROOT, exist_ok=True)
    os.chdir(ROOT)
    os.umask(0o022)
    for work in [hard_links, names, links, setuid, sparse, attributes, capability]:
        make(work.__name__, work)
    make('trusted attribute', lambda: os.setxattr('noted', 'trusted.overlay.redirect', b'/etc'))
    make('FIFO', lambda: os.mkfifo('fifo'))
    make('socket', lambda: socket.socket(socket.AF_UNIX).bind('socket'))
    make('character device', lambda: os.mknod('null', stat.S_IFCHR | 0o666, os.makedev(1, 3)))
    make('block device', lambda: os.mknod('sda', stat.S_IFBLK | 0o666, os.makedev(8, 0)))
    make('whiteout', lambda: os.mknod('whiteout', stat.S_IFCHR | 0o666, os.makedev(0, 0)))
    os.mkdir('closed')
    touch('closed/inside')
    os.chmod('closed', 0)
    os.chown('one', 1234, 65000)
    os.utime('one', (0, 1))


def attributes_of(path):
    try:
        return [(key, os.getxattr(path, key)) for key in sorted(os.listxattr(path))]
    except OSError as error:
        return error.strerror


def show():
    for folder, folders, files in os.walk(ROOT):
        for name in sorted(folders + files):
            path = os.path.join(folder, name)
            found = os.lstat(path)
            kind = stat.S_IFMT(found.st_mode)
            content = ''
            if stat.S_ISLNK(kind):
                content = os.readlink(path)
            elif stat.S_ISREG(kind) and found.st_size < 1 << 20:
                with open(path, 'rb') as file:
                    content = hashlib.sha256(file.read()).hexdigest()
            attributes = [] if stat.S_ISLNK(kind) else attributes_of(path)
            links = found.st_nlink if stat.S_ISREG(kind) else 0
            size = found.st_size if stat.S_ISREG(kind) else 0
            print(ascii((os.fsencode(path), oct(found.st_mode), found.st_uid, found.st_gid, links, size,
                         int(found.st_mtime) if stat.S_ISREG(kind) else 0, content, attributes)))


if len(sys.argv) > 1:
    show()
else:
    main()
