# What every task of a campaign runs: it tells the effects file that it starts and how it ends, and in between does what its settings say.
#   sleep=S     seconds to take; default: the run's parameter nap
#   flaky=N     attempts below N fail; with every=M only those of splits that M divides
#   bad=SPLIT   fails at every attempt, in that split, or in all of them
#   slow=S      seconds that the first attempt takes instead
#   put=HOW     the output v: split, gather (the inputs' v, in their order), error (of the first input), atleast.N (whether there are N
#               inputs), note (lines of the predecessor's artifact), or the word itself
#   items=N     also puts out items: N
#   lines=N     also writes an items file of N lines
#   rounds=N    also puts out a verdict: again in the first N rounds of the loop, then done
#   note=N      also publishes an artifact of N lines
set -u
home=${0%/*}
sleep=${FANFARE_PARAM_NAP:-0} flaky=0 every=1 bad='' slow='' put='' items='' lines='' rounds='' note=''
for setting; do
  case $setting in
    sleep=* | flaky=* | every=* | bad=* | slow=* | put=* | items=* | lines=* | rounds=* | note=*) eval "${setting%%=*}=\${setting#*=}" ;;
    *) echo "task.sh does not know $setting" >&2; exit 99 ;;
  esac
done

# One write of a line: appends of several processes do not mix.
tell() {
  read -r up rest </proc/uptime
  echo "$1 $FANFARE_RUN $FANFARE_TASK $FANFARE_ATTEMPT $$ $FANFARE_MARK $up $2" >>"$home/effects"
}
end() {
  trap '' TERM
  tell E "$1"
  exit "$2"
}

# The lock is held for as long as any process of the attempt lives: who finds it taken runs beside another attempt.
exec 9>>"$home/locks/$FANFARE_RUN.$FANFARE_TASK"
if flock -n 9; then tell S free; else tell S busy; fi
echo "begin $FANFARE_TASK $FANFARE_ATTEMPT"

[ -n "$slow" ] && [ "$FANFARE_ATTEMPT" = 0 ] && sleep=$slow
trap 'end term 143' TERM
sleep "$sleep" &
wait $!

split=${FANFARE_SPLIT##*,}
[ "$FANFARE_ATTEMPT" -lt "$flaky" ] && [ $((${split:-0} % every)) = 0 ] && end fail 1
if [ "$bad" = all ] || { [ -n "$bad" ] && [ "$bad" = "$split" ]; }; then end fail 3; fi

members() { grep -o "\"$1\": *\"[^\"]*\"" "$FANFARE_INPUT" | sed 's/.*: *"\(.*\)"$/\1/'; }
case $put in
  split) v=$(echo "$FANFARE_SPLIT" | tr , .) ;;
  gather) v="($(members v | paste -s -d + -))" ;;
  error) v=$(members type | head -n 1) ;;
  atleast.*) if [ "$(members v | wc -l)" -ge "${put#*.}" ]; then v=enough; else v=few; fi ;;
  note) v=$(cat "$FANFARE_INPUT_ARTIFACTS"/*/*/note | wc -l | tr -d ' ') ;;
  *) v=$put ;;
esac
output="\"v\":\"$v\""
[ -n "$items" ] && output="$output,\"items\":$items"
if [ -n "$rounds" ]; then
  round=0
  case $FANFARE_TASK in *'#'*) round=${FANFARE_TASK##*[#.]} ;; esac
  if [ "$round" -lt "$rounds" ]; then output="$output,\"verdict\":\"again\""; else output="$output,\"verdict\":\"done\""; fi
fi
[ -n "$lines" ] && seq 1 "$lines" >"$FANFARE_ARTIFACTS/items.jsonl"
[ -n "$note" ] && seq 1 "$note" >"$FANFARE_ARTIFACTS/note"
echo "{$output}" >"$FANFARE_OUTPUT"
echo "end $FANFARE_TASK $FANFARE_ATTEMPT"
end ok 0
