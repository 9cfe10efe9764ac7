/** How many days a drawing of the device page goes back; the address keeps it. */
import { SegmentedControl } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';

const USUAL_DAYS = 7;
const CHOICES = [
  { value: '1', label: '1 day' },
  { value: '7', label: '7 days' },
  { value: '14', label: '14 days' },
];

/** UTC days, today among them. */
export function useDays(): number {
  return useSearch({ from: '/p/$project/devices/$device' }).days ?? USUAL_DAYS;
}

export function RangeChoice({ label }: { label: string }) {
  const navigate = useNavigate({ from: '/p/$project/devices/$device' });
  return (
    <SegmentedControl
      size="xs"
      aria-label={label}
      data={CHOICES}
      value={String(useDays())}
      onChange={(value) =>
        void navigate({
          search: ({ days: _, ...rest }) =>
            Number(value) === USUAL_DAYS ? rest : { ...rest, days: Number(value) },
          replace: true,
          resetScroll: false,
        })
      }
    />
  );
}
