import { useState, type ReactNode } from 'react';
import { RemoteScreen } from '../../remote/remote-screen.tsx';

interface Props {
  wsUrl: string;
  /** Whether keys and mouse are sent. */
  steering: boolean;
  onOpen: () => void;
  onLost: () => void;
}

/** Stays with the URL it was mounted with: links are renewed now and then, and a picture that is open needs none. */
export function LiveScreen({ wsUrl, steering, onOpen, onLost }: Props): ReactNode {
  const [url] = useState(wsUrl);
  return <RemoteScreen url={url} autoFocus={false} steering={steering} onOpen={onOpen} onLost={onLost} />;
}
