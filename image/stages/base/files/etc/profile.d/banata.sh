# Login shells start from Debian's /etc/profile, which resets PATH.
if [ "$(id -u)" -ne 0 ]; then
  PATH="$HOME/.local/bin:$HOME/.bun/bin:$HOME/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
  export PATH
fi
export LANG="${LANG:-C.UTF-8}"
